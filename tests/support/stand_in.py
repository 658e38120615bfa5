"""A stand-in for a supernet: a table that counts what a searcher does to its weights and batches."""

from nasreplay.evaluate.protocol import Fidelity
from nasreplay.evaluate.table import TableEvaluator
from nasreplay.evaluate.table.fidelity import FidelityTable
from nasreplay.spaces import TOPOLOGY
from nasreplay.testing import synthetic_table

BATCH, SHARED = Fidelity("batch", 1), Fidelity("shared", 1)


class StandIn(TableEvaluator):
    """Three steps an epoch; `calls` lists ("step" | "learn" | "ask", codes or None, fidelity or None)."""

    def __init__(self, space=TOPOLOGY):
        table = synthetic_table(space, trials=1).levels[0].accuracy
        # the batch prefers what the whole prefers least: who mixes them up answers badly
        super().__init__(
            space, [FidelityTable(BATCH, 100 - table), FidelityTable(SHARED, table)], steps_per_epoch=3
        )
        self.abilities |= {"weights"}
        self.calls = []

    def begin_step(self, *, learns=True):
        self.calls.append(("step", None, None))

    def learn(self, mixture, *, need_slope=False, replica=None):
        assert (mixture.weights.sum(-1) == 1).all()
        assert ((mixture.weights == 1) == mixture.active).all()
        self.calls.append(("learn", self.space.derive(mixture.weights), None))

    def evaluate(self, codes, *, at=None, trial=None, replica=None):
        self.calls.append(("ask", codes.copy(), at))
        return super().evaluate(codes, at=at, trial=trial, replica=replica)

    def codes_of(self, kind, at=None):
        return [codes for what, codes, where in self.calls if (what, where) == (kind, at)]
