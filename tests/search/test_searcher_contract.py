import pytest

from nasreplay.evaluate.ledger import Budget
from nasreplay.search import SEARCHERS, make
from nasreplay.spaces import SIZE
from nasreplay.testing import SearcherContract, synthetic_table

SHORT = Budget(evaluations=24, epochs=12)  # for controllers, whose steps take long


def contract(name: str, space=None, limit=SearcherContract.budget, **changes):
    """The contract suite for one searcher."""

    class Contract(SearcherContract):
        budget = limit

        def make(self):
            return make(name, changes)

        def evaluator(self):
            return synthetic_table(space) if space else synthetic_table()

    return Contract


TestRandom = contract("random")
TestLocalSearch = contract("local-search")
TestREA = contract("rea")
TestReinforce = contract("reinforce")
TestHyperband = contract("hyperband")
TestBOHB = contract("bohb")
TestCurriculum = contract("curriculum")
TestCurriculumWarmup = contract(
    "curriculum", warmup=0.3, start_ops=1, stage_share="log_size", gradient_clip=5.0
)
TestCurriculumLSTM = contract("curriculum", limit=SHORT, policy="lstm", hidden=8, learning_rate=0.003)
TestCurriculumFixed = contract("curriculum-fixed")
TestDartsV1 = contract("darts-v1")
TestDartsV2 = contract("darts-v2")
TestGDAS = contract("gdas")
TestSNAS = contract("snas")
TestSNASHard = contract("snas", estimator="hard")
TestSNASScore = contract("snas", estimator="score")
TestDSNAS = contract(
    "snas", estimator="dsnas", edge_reward_norm="mean_std", proximal=0.2, entropy_loss="added"
)
TestGDASV1 = contract("gdas", scalars=False)
TestRSPS = contract("rsps", candidates=7)
TestSETN = contract("setn", candidates=7)
TestENAS = contract("enas", limit=SHORT, updates=2, samples=3, candidates=4, hidden=8)
TestSizeSETN = contract("setn", SIZE, candidates=7)
TestSizeENAS = contract("enas", SIZE, SHORT, updates=2, samples=3, candidates=4, hidden=8)
TestSizeREA = contract("rea", SIZE)
TestSizeBOHB = contract("bohb", SIZE)
TestSizeGDAS = contract("gdas", SIZE)
TestSizeCurriculum = contract("curriculum", SIZE)
TestSizeLocalSearch = contract("local-search", SIZE)
TestSLNAS = contract("slnas", limit=SHORT, hidden=4)
TestSLNASGenetic = contract("slnas-ga", population=6, elite=2, masks="individual")
TestTAS = contract("tas", SIZE, learning_rate=0.2)
TestMaskGumbel = contract("mask-gumbel", SIZE, learning_rate=0.2)
TestMaskRL = contract("mask-rl", SIZE, warmup=0.2, learning_rate=0.2)


class TestSampledDarts(SearcherContract):
    def make(self):
        return make("darts-v1")

    def evaluator(self):
        return synthetic_table(gradient="sampled", samples=3)


def under_contract() -> set[str]:
    return {
        suite().make().name
        for suite in list(globals().values())
        if isinstance(suite, type) and issubclass(suite, SearcherContract) and suite is not SearcherContract
    }


# a new searcher needs no line here: with its default settings, on the topology space
for name in sorted(set(SEARCHERS) - under_contract()):
    globals()[f"Test{name.title().replace('-', '')}"] = contract(name)


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="rea"):
        make("genetic")
    with pytest.raises(ValueError, match="population, tournament"):
        make("rea", {"cycles": 200})
    with pytest.raises(ValueError, match="above 0"):
        make("rea", {"population": 0})
    with pytest.raises(ValueError, match="int"):
        make("rea", {"population": "many"})
