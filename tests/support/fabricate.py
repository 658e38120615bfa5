"""Results and tables made up for tests: shapes like real ones, numbers from a seed."""

import numpy as np

from nasreplay.runs.result import Comparison, Result, TableFacts

SIZE = 15_625
TRIALS = np.array([777, 888, 999], dtype=np.int32)


def table(seed=0, *, test=True, budget_s=30_000.0, top=90.0) -> TableFacts:
    rng = np.random.default_rng(seed)
    mean = top - rng.gamma(2.0, 3.0, SIZE)
    noisy = mean + rng.normal(0, 0.3, SIZE) if test else None
    meaning = {"valid": "accuracy on made-up images"} | ({"test": "accuracy on other images"} if test else {})
    return TableFacts(mean, noisy, "topology", budget_s, meaning)


def sampled(
    truth, name="random", dataset="cifar10", *, seed=0, replicas=40, points=60, luck=1, **kw
) -> Result:
    """A random search that looks at the best of `luck` cells before it asks; ends at the budget."""
    rng = np.random.default_rng([seed, len(name), luck])
    shown = rng.integers(SIZE, size=(replicas, points, luck))
    asked = np.take_along_axis(shown, truth.final_mean[shown].argmax(axis=2)[:, :, None], axis=2)[:, :, 0]
    observed = truth.final_mean[asked] + rng.normal(0, 0.2, asked.shape)
    best = np.maximum.accumulate(observed, axis=1)
    new = np.where(observed >= best, np.arange(points), 0)
    incumbent = np.take_along_axis(asked, np.maximum.accumulate(new, axis=1), axis=1)
    clock = np.cumsum(rng.uniform(300, 1500, asked.shape), axis=1)
    over = np.pad(clock, ((0, 0), (1, 0)))[:, :-1] >= (truth.budget_s or np.inf)
    last = (~over).sum(axis=1) - 1
    return Result(
        searcher=name,
        dataset=dataset,
        oracle=False,
        found_flat=incumbent[np.arange(replicas), last].astype(np.int32),
        incumbent_flat=np.where(over, -1, incumbent).astype(np.int32),
        clock=np.where(over, clock[np.arange(replicas), last][:, None], clock),
        queries=np.cumsum(~over, axis=1, dtype=np.int32),
        evaluated_flat=np.where(over, -1, asked).astype(np.int32),
        observed=np.where(over, np.nan, observed),
        trial=np.where(over, -1, TRIALS[rng.integers(3, size=asked.shape)]).astype(np.int32),
        wall_s=0.25,
        **{"settings": {"population": 10, "budget": {"simulated_s": truth.budget_s}}, **kw},
    )


def oracle(truth, name="darts-v1", dataset="cifar10", *, seed=0, replicas=40, steps=30, best=20) -> Result:
    """Walks to one of the `best` cells of the table, asks and pays nothing."""
    rng = np.random.default_rng([seed, len(name), 99])
    path = rng.integers(SIZE, size=(replicas, steps))
    path[:, -1] = np.argsort(truth.final_mean)[-1 - rng.integers(best, size=replicas)]
    nothing = np.zeros((replicas, 0))
    return Result(
        searcher=name,
        dataset=dataset,
        oracle=True,
        found_flat=path[:, -1].astype(np.int32),
        incumbent_flat=path.astype(np.int32),
        clock=np.zeros(path.shape),
        queries=np.zeros(path.shape, dtype=np.int32),
        evaluated_flat=nothing.astype(np.int32),
        observed=nothing,
        trial=nothing.astype(np.int32),
        wall_s=0.5,
        settings={"lr": 0.05},
    )


def hand(incumbent, clock, *, evaluated=None, dataset="hand", oracle=False, name="hand") -> Result:
    """A result from short lists; −1 in `incumbent` marks points after the end."""
    incumbent = np.array(incumbent, dtype=np.int32)
    evaluated = incumbent if evaluated is None else np.array(evaluated, dtype=np.int32)
    last = (incumbent >= 0).sum(axis=1) - 1
    return Result(
        searcher=name,
        dataset=dataset,
        oracle=oracle,
        found_flat=incumbent[np.arange(len(last)), last],
        incumbent_flat=incumbent,
        clock=np.array(clock, dtype=np.float64),
        queries=np.cumsum(incumbent >= 0, axis=1, dtype=np.int32),
        evaluated_flat=evaluated,
        observed=np.zeros(evaluated.shape),
        trial=np.full(evaluated.shape, -1, dtype=np.int32),
        wall_s=0.0,
    )


def comparison(*, replicas=40, datasets=("cifar10", "cifar100"), test=True, points=60) -> Comparison:
    tables = {name: table(k, test=test, top=90.0 - 20 * k) for k, name in enumerate(datasets)}
    results = []
    for k, (dataset, truth) in enumerate(tables.items()):
        about = {"dataset": dataset, "seed": k, "replicas": replicas}
        for luck, name in enumerate(("random", "rea", "reinforce", "curriculum-fixed"), start=1):
            results.append(sampled(truth, name, points=points, luck=luck, **about))
        results += [oracle(truth, "darts-v1", best=20, **about), oracle(truth, "gdas", best=1, **about)]
    settings = {
        "seed": 7,
        "replicas": replicas,
        "notes": ["Budgets are scaled by 200/12.", "No test [accuracy]."],
    }
    return Comparison(results, tables, settings)


def same_result(one: Result, other: Result) -> bool:
    arrays = ("found_flat", "incumbent_flat", "clock", "evaluated_flat", "observed", "trial")
    plain = ("searcher", "dataset", "oracle", "wall_s", "finished", "settings")
    return all(getattr(one, name) == getattr(other, name) for name in plain) and all(
        getattr(one, name).dtype == getattr(other, name).dtype
        and np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in arrays
    )
