"""The networks of SLNAS against counts and values recorded from the original."""

import pytest
import torch

from nasreplay.errors import BadSetting
from nasreplay.models.module_cost import parameters
from nasreplay.models.slnas.slnas_blocks import ChosenBlock, SharedBlock, Term
from nasreplay.models.slnas.slnas_networks import SLNASNet, SLNASSupernet
from nasreplay.models.slnas.slnas_ops import Blur, Norms, SqueezeExcite, operation
from nasreplay.spaces.costs.slnas_plan import BlockPlan, SLNASPlan, stages_of
from nasreplay.spaces.slnas import OPERATIONS, SLNAS
from tests.support.slnas_golden import GOLDEN, LISTS

CHECKS = GOLDEN["forward_checks"]


def rarely(rows, which):
    """The rows; `which` ones are in the slow set, as what they show is shown by the others."""
    return [pytest.param(row, marks=pytest.mark.slow) if which(row) else row for row in rows]


@torch.no_grad()
def filled(net):
    for name, values in net.double().named_parameters():
        place = torch.arange(values.numel()).double()
        if values.dim() > 1:
            wave = torch.sin(0.37 * place + 0.5) / (values.numel() / values.shape[0]) ** 0.5
        else:
            wave = 1 + 0.05 * torch.sin(place + 1) if name.endswith("weight") else 0.05 * torch.cos(place + 1)
        values.copy_(wave.reshape(values.shape))
    return net


def wave(*shape):
    place = torch.arange(torch.Size(shape).numel()).double()
    return (torch.sin(0.11 * place) + 0.5 * torch.cos(0.013 * place)).reshape(shape)


def check(found, known):
    assert list(found.shape) == known["shape"]
    flat, near = found.flatten(), 1e-6 * known["abs_sum"] / found.numel()
    assert flat.abs().sum() == pytest.approx(known["abs_sum"], rel=1e-8)
    assert flat.sum() == pytest.approx(known["sum"], abs=1e-8 * known["abs_sum"])
    assert [*flat[:4], flat[-1]] == pytest.approx([*known["first4"], known["last"]], abs=near)


def check_modes(make, call, known):
    for mode in ("train", "eval"):
        with torch.no_grad():
            check(call(filled(make()).train(mode == "train")), known[mode])


def plan(row, stem, **changes):
    about = {
        "channels": row["child_out_filters"],
        "blocks": tuple(row["blocks"]),
        "classes": row["num_class"],
    }
    return SLNASPlan(**{**about, "stem": stem, **changes})


def mixture(codes):
    weights = torch.from_numpy(SLNAS.embed(torch.tensor([codes]).numpy())[0])
    return weights, weights > 0


@pytest.mark.parametrize("channels", GOLDEN["op_param_counts"])
def test_operations_have_the_original_sizes(channels):
    known, width = GOLDEN["op_param_counts"][channels], int(channels)
    for reduces, kind in enumerate(("normal_C_to_C", "reduction_C_to_2C")):
        found = {name: parameters(operation(name, width, bool(reduces), Norms())) for name in OPERATIONS}
        assert found == known[kind]


@pytest.mark.parametrize(
    "channels", rarely(GOLDEN["block_param_counts"], lambda channels: int(channels) > 16)
)
def test_blocks_have_the_original_sizes(channels):
    known, width = GOLDEN["block_param_counts"][channels], int(channels)
    normal, reduction = (SharedBlock(BlockPlan(1, 1, width, kind), Norms()) for kind in (False, True))
    assert parameters(normal) == known["normal_block_supernet"]
    assert parameters(reduction) == known["reduction_block_supernet"]
    assert parameters(normal.final) == known["final_conv_normal"]
    assert parameters(reduction.final) == known["final_conv_reduction"]
    assert parameters(reduction.calibrate) == known["calibrate_reduction"]


def first_of_each(rows):
    """Rows that show a new architecture or other sizes."""
    seen = set()
    for row in rows:
        about = {row.get("arch"), (row["child_out_filters"], *row["blocks"], row["num_class"])}
        if about - seen:
            seen |= about
            yield row


@pytest.mark.parametrize("count", [2, pytest.param(None, marks=pytest.mark.slow)])
def test_supernets_have_the_original_sizes(count):
    for number, row in enumerate(GOLDEN["supernet_param_counts"][:count]):
        stem = ("cifar", "search")[number % 2]
        net = SLNASSupernet(plan(row, stem))
        assert parameters(net) == row[f"params_{stem}_stem"]
        assert parameters(net.auxiliary_head) == row["parts_cifar_stem"]["aux_fc"]
        assert [each.number - 1 for each in net.plan.walk() if each.reduction] == row["reduction_blocks"]


@pytest.mark.parametrize("count", [2, pytest.param(None, marks=pytest.mark.slow)])
def test_networks_of_architectures_have_the_original_sizes(count):
    for number, row in enumerate(list(first_of_each(GOLDEN["retrain_network_param_counts"]))[:count]):
        stem = ("cifar", "image")[number % 2]
        net = SLNASNet(LISTS[row["arch"]], plan(row, stem))
        assert parameters(net) == row[f"params_{stem}_stem"]
        assert parameters(net.auxiliary_head) == row["aux_head_params"]


def test_the_network_of_the_readme_piece_by_piece():
    row = {"child_out_filters": 40, "blocks": [2, 2], "num_class": 30}
    net, known = (
        SLNASNet(LISTS["readme_aid50"], plan(row, "cifar")),
        GOLDEN["readme_arch_breakdown_cifar_stem"],
    )
    assert [*map(parameters, net.stems)] == [known["start_conv1"], known["start_conv2"]]
    blocks, behind = [[parameters(block)] for block in net.blocks], map(parameters, net.projections)
    for block, module in zip(blocks, net.blocks, strict=True):
        block += [next(behind)] if module.reduction else []
    assert blocks == known["blocks"]
    assert (parameters(net.classifier), parameters(net)) == (known["fc"], known["total"])


@pytest.mark.parametrize("row", CHECKS["ops"], ids=lambda row: f"{row['op']} {row['mode']}")
def test_operations_compute_the_original(row):
    reduces = row["mode"].startswith("reduction")
    check_modes(lambda: operation(row["op"], 16, reduces, Norms()), lambda op: op(wave(2, 16, 8, 8)), row)


def test_squeeze_and_excite_and_blur_compute_the_original():
    with torch.no_grad():
        check(filled(SqueezeExcite(80))(wave(2, 80, 4, 4)), CHECKS["squeeze_excite_80"])
    check(Blur(16)(wave(2, 16, 8, 8)), CHECKS["blur_downsample_16"])


def block_name(row):
    return f"{row['block']} {row['arch']} {row['x1_hw']}"


@pytest.mark.parametrize("row", CHECKS["blocks"], ids=block_name)
def test_blocks_compute_the_original(row):
    kind = row["block"] == "reduction"
    codes = GOLDEN["architectures"][row["arch"]][kind]
    cell = [[Term(*pair)] for pair in zip(codes[::2], codes[1::2], strict=True)]
    older, newer = wave(2, 16, row["x1_hw"], row["x1_hw"]), 0.7 * wave(2, 16, 8, 8).flip(1)
    make = lambda: ChosenBlock(BlockPlan(1, 1, 16, kind), Norms(), cell)  # noqa: E731
    check_modes(make, lambda block: block(older, newer, cell, lambda x: x), row)


def network_name(row):
    return f"{row['arch']} {row['stem']} {row['stem_padding']} {len(row['blocks'])}"


def check_network(make, call, row):
    with torch.no_grad():
        for mode in ("train", "eval"):
            logits, auxiliary = call(filled(make()).train(mode == "train"))
            if f"{mode}_logits" in row:
                check(logits, row[f"{mode}_logits"])
            for each, known in zip(auxiliary, row.get(f"{mode}_aux", auxiliary), strict=True):
                assert known is each or check(each, known) is None


@pytest.mark.parametrize(
    "row",
    rarely(CHECKS["retrain_networks"], lambda row: row["arch"] != "readme_aid50" or len(row["blocks"]) > 2),
    ids=network_name,
)
def test_networks_compute_the_original(row):
    about, side = plan(row, row["stem"], stem_padding=row["stem_padding"]), row["input_hw"]
    make = lambda: SLNASNet(LISTS[row["arch"]], about)  # noqa: E731
    check_network(make, lambda net: net.outputs(wave(2, 3, side, side), *net.cells), row)


@pytest.mark.parametrize(
    "row",
    rarely(CHECKS["supernets"], lambda row: row["all_batchnorm_tracked"] or row["arch"] != "readme_aid50"),
    ids=lambda row: f"{row['arch']} {row['all_batchnorm_tracked']}",
)
def test_supernets_compute_the_original(row):
    about = SLNASPlan(16, (1, 1), 10, "search")
    make = lambda: SLNASSupernet(about, "tracked" if row["all_batchnorm_tracked"] else "legacy")  # noqa: E731
    given = wave(2, 3, 32, 32), *mixture(LISTS[row["arch"]])

    def call(net):
        if net.training:
            logits, auxiliary = net(*given)
            return logits, list(auxiliary)
        return net(*given), []

    check_network(make, call, {**row, "eval_aux": []})


def test_a_mixture_of_one_option_a_row_is_its_architecture():
    net = filled(SLNASSupernet(SLNASPlan(4, (1,), 3, "cifar"), "batch")).train()
    images, (one_hot, active) = wave(2, 3, 16, 16), mixture(LISTS["sport_searched"])
    soft = (0.5 * one_hot).requires_grad_()
    plain, weighted = (
        net(images, one_hot, active)[0],
        net(images, one_hot.clone().requires_grad_(), active)[0],
    )
    assert torch.allclose(plain, weighted)
    (gradient,) = torch.autograd.grad(net(images, soft, active)[0].square().sum(), soft)
    assert torch.equal(gradient != 0, active & (gradient != 0))
    assert gradient.abs().sum() > 0


def test_only_what_is_active_gets_a_gradient():
    net = SLNASSupernet(SLNASPlan(4, (1, 1), 3, "cifar"))
    logits, auxiliary = net(
        torch.randn(2, 3, 16, 16), *(each.float() for each in mixture(LISTS["warmstart"]))
    )
    (logits.sum() + auxiliary.sum()).backward()
    used = {name for name, values in net.named_parameters() if values.grad is not None}
    assert {int(name.split(".")[4]) for name in used if ".branches." in name} == {1}


def test_every_operation_on_every_state_at_once():
    net = SLNASSupernet(SLNASPlan(4, (1,), 3, "cifar"))
    active = torch.from_numpy(SLNAS.mask)
    weights = (active / active.sum(dim=1, keepdim=True)).float().requires_grad_()
    logits, _ = net(torch.randn(2, 3, 9, 12), weights, active)
    (gradient,) = torch.autograd.grad(logits.square().sum(), weights)
    assert gradient[active].ne(0).float().mean() > 0.9


@pytest.mark.parametrize("size", [(32, 20), (19, 32), (12, 13)])
def test_images_need_not_be_square(size):
    upright, about = wave(2, 3, *size), SLNASPlan(4, (1, 1), 3, "cifar")
    net = filled(SLNASNet(LISTS["sport_searched"], about)).eval()
    newer = net.blocks[0](net.stems[0](upright), net.stems[1](upright), net.cells[0], lambda x: x)
    assert newer.shape[2:] == upright.shape[2:]
    assert net(upright).shape == (2, 3)
    assert torch.isfinite(net(upright)).all()


def test_batch_norms_keep_statistics_as_asked():
    def kept(net):
        return {name.split(".")[0] for name, _ in net.named_buffers() if name.endswith("running_mean")}

    about = SLNASPlan(4, (0,), 3, "cifar")
    assert kept(SLNASSupernet(about, "batch")) == set()
    assert kept(SLNASSupernet(about, "legacy")) == {"blocks"}
    assert kept(SLNASSupernet(about, "tracked")) == {"stems", "blocks"}
    assert kept(SLNASNet(LISTS["warmstart"], about)) == {"stems", "blocks"}


def test_drop_path_drops_operations_of_single_images_in_training():
    net = filled(SLNASNet(LISTS["readme_aid50"], SLNASPlan(4, (1,), 3, "cifar"))).eval()
    images, net.generator = wave(4, 3, 16, 16), torch.Generator().manual_seed(1)
    whole = net(images)
    net.drop_path = 0.5
    assert torch.equal(net(images), whole)
    net.train()
    assert not torch.allclose(net(images), net(images))


@pytest.mark.parametrize(
    ("channels", "words"), [(15, "channels is 15"), (2, "channels is 2"), (0, "channels is 0")]
)
def test_channels_that_cannot_be_halved_and_squeezed_are_refused(channels, words):
    with pytest.raises(BadSetting, match=words):
        SLNASPlan(channels, (2, 2), 10, "cifar")


@pytest.mark.parametrize("text", ["[]", "[2,-1]", "2", "[2.5]", "[200]", "two", '["2"]', "[true]"])
def test_stages_that_are_none_are_refused(text):
    with pytest.raises(BadSetting, match="--blocks"):
        stages_of(text)


def test_any_number_of_stages():
    assert stages_of("[2,2]") == (2, 2)
    net = SLNASNet(LISTS["warmstart"], SLNASPlan(4, stages_of("[0, 1, 0, 0]"), 3, "cifar"))
    logits, auxiliary = net(torch.randn(2, 3, 16, 16))
    assert (logits.shape, auxiliary.shape) == ((2, 3), (3, 2, 3))
    assert SLNASNet(LISTS["warmstart"], SLNASPlan(4, (1,), 3, "cifar"))(torch.randn(2, 3, 8, 8)).shape == (
        2,
        3,
    )


def fails(run):
    try:
        return run() is None
    except (RuntimeError, ValueError):
        return True


@pytest.mark.parametrize("name", ["warmstart", "readme_aid50", "flowers_searched"])
def test_what_is_too_small_is_refused_before_it_fails(name):
    about, codes = SLNASPlan(4, (0, 1), 3, "cifar"), LISTS[name]
    net = SLNASNet(codes, about)
    # of any cell it is said what is true of this one, in which a ShuffleNet unit reads an inner node
    cells = [codes[20:], *([None] if name == "flowers_searched" else [])]
    for side in (3, 4, 5, 7, 8, 9):
        failed = fails(lambda: net(torch.randn(2, 3, side, side + 1)))  # noqa: B023
        for cell in cells:
            if failed:
                with pytest.raises(BadSetting, match=r"block [123] \(the reduction, stage [12]\) gets"):
                    about.check_images(side, side + 1, cell)
            else:
                about.check_images(side, side + 1, cell)


@pytest.mark.parametrize("stem", ["cifar", "search", "image"])
def test_stems_take_three_pixels_and_no_fewer(stem):
    about = SLNASPlan(4, (1,), 3, stem)
    for module in SLNASNet(LISTS["warmstart"], about).stems:
        assert module(torch.randn(2, 3, 3, 3)).shape[1] == 4
    with pytest.raises(BadSetting, match="too small for the stem"):
        about.check_images(2, 9)
