"""Plans: equal budgets, and mistakes found before anything is trained."""

from pathlib import Path

import pytest

from meshrec.ablation.plan import AblationConfig, BudgetConfig, planned_runs, share_budget
from meshrec.build import TrainConfig
from meshrec.build_hmr import HmrTrainConfig
from meshrec.config import build_config, load_config, load_one_of
from meshrec.errors import InvalidInput
from meshrec.training.run import TASKS
from tests.support.toy_training import toy_stage

ABLATIONS = Path(__file__).parents[2] / "configs" / "ablations"
PLANS = sorted(ABLATIONS.glob("*.yaml"))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_every_shipped_plan_gives_all_variants_the_same_budget(path, tmp_path):
    plan = load_config(AblationConfig, path)
    runs = list(planned_runs(plan, path.parent, tmp_path))
    assert len(runs) == len(plan.variants) * len(plan.seeds) == len({run.folder for run in runs})
    assert {sum(stage.steps for stage in run.config.stages) for run in runs} == {plan.budget.steps}
    assert [run.config.seed for run in runs] == [seed for seed in plan.seeds for _ in plan.variants]
    assert len({str((run.config, run.start_from)) for run in runs}) == len(runs), "two variants do not differ"
    assert len({stage.batch for run in runs for stage in run.config.stages}) == 1, "steps are no equal budget"


def test_steps_are_shared_in_proportion_and_add_up():
    stages = [toy_stage(name=name, steps=steps) for name, steps in (("a", 100), ("b", 200), ("c", 1))]
    for budget in (3, 10, 100, 301, 997):
        steps = [stage.steps for stage in share_budget(stages, BudgetConfig(steps=budget))]
        assert sum(steps) == budget and min(steps) >= 1
    assert [stage.steps for stage in share_budget(stages, BudgetConfig(steps=602))] == [200, 400, 2]
    with pytest.raises(InvalidInput, match="3 stages cannot share 2 steps"):
        share_budget(stages, BudgetConfig(steps=2))


def test_seconds_end_stages_by_the_clock():
    stages = share_budget([toy_stage(steps=100), toy_stage(steps=300)], BudgetConfig(seconds=60))
    assert [stage.seconds for stage in stages] == [15, 45] and min(stage.steps for stage in stages) > 1_000_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (dict(variants=[]), "variants must be there"),
        (dict(variants=[dict(name="a"), dict(name="a")]), "variants must be there and differ: a"),
        (dict(seeds=[1, 1]), "seeds must be there and differ: 1"),
        (dict(budget=dict(steps=5, seconds=5.0)), "steps or seconds, not both"),
    ],
)
def test_contradictory_plans_are_refused(changes, expected):
    with pytest.raises(InvalidInput, match=expected):
        build_config(AblationConfig, dict(question="?", config="x.yaml", variants=[dict(name="a")]) | changes)


def test_a_misspelt_override_is_found_at_once_and_names_its_variant(tmp_path):
    plan = load_config(AblationConfig, ABLATIONS / "smoke.yaml", ["variants.1.overrides=[stages.0.losess.facing=0]"])
    with pytest.raises(InvalidInput, match="Variant no_facing_loss: .*losess"):
        list(planned_runs(plan, ABLATIONS, tmp_path))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_no_configuration_of_a_variants_own_changes_what_people_are_made_of(path):
    """Runs are measured on people of the plan's configuration."""
    plan = load_config(AblationConfig, path)
    bases = [plan.config, *(variant.config for variant in plan.variants if variant.config)]
    assert len({str(load_one_of(TASKS, "task", path.parent / base).data) for base in bases}) == 1


def test_variants_may_be_trainings_of_another_kind_and_start_from_weights(tmp_path):
    plan = load_config(AblationConfig, ABLATIONS / "map_or_parameters.yaml", ["seeds=[4]", "budget.steps=7"])
    ours, other = planned_runs(plan, ABLATIONS, tmp_path)
    assert isinstance(ours.config, TrainConfig) and isinstance(other.config, HmrTrainConfig)
    assert [word.partition("=")[0] for word in ours.start_from] == ["correspondence_net"] and not other.start_from
    assert [run.config.stages[0].steps for run in (ours, other)] == [7, 7] and other.config.seed == 4
    # The same samples: what draws them agrees.
    assert ours.config.data == other.config.data
    for name in ("batch", "size", "photo_share", "learning_rate", "average_decay", "schedule"):
        assert getattr(ours.config.stages[0], name) == getattr(other.config.stages[0], name), name
