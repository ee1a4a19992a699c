import pytest

from systems.errors import ConfigurationError
from systems.models.architectures import ARCHITECTURES, architecture, check_resolution
from systems.models.build import ModelShape, block_architectures, build_plain, split

# Blocks and parameters as the paper states them, written out again on purpose.
PAPER = {
    "resnet18": (9, 11_689_512),
    "resnet152": (51, 60_192_808),
    "efficientnet_v2_l": (81, 118_515_272),
    "vit_l_32": (25, 306_535_400),
    "bert": (None, 109_482_240),
}


@pytest.mark.parametrize("name", PAPER)
def test_counts_are_those_of_the_paper(name):
    blocks, parameters = PAPER[name]
    assert architecture(name).parameter_count == parameters
    assert blocks in (None, architecture(name).block_count)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_counts_are_those_of_the_built_model(name):
    shape = ModelShape(architecture=name)
    plain = build_plain(shape, device="meta")
    assert sum(p.numel() for p in plain.parameters()) == architecture(name).parameter_count
    assert len(split(shape, plain)) == architecture(name).block_count


def test_the_paper_s_further_architectures_are_there():
    further = "resnet34 resnet50 resnet101 mobilenet_v2 efficientnet_v2_s vit_b_16 vit_b_32"
    assert {*further.split(), "vit_l_16", "roberta", *PAPER} <= ARCHITECTURES.keys()


def test_unknown_architecture_is_refused_with_the_nearest():
    with pytest.raises(ConfigurationError, match=r"no architecture 'resnet81'.*'resnet18'"):
        architecture("resnet81")


@pytest.mark.parametrize(
    ("name", "resolution", "message"),
    [
        ("resnet18", 16, "at least 32 px"),
        ("vit_b_32", 100, "multiple of the patch size, 32 px. The nearest are 96 and 128"),
        ("bert", 224, "reads text"),
    ],
)
def test_resolutions_that_cannot_run_are_refused(name, resolution, message):
    with pytest.raises(ConfigurationError, match=message):
        check_resolution(name, resolution)


def test_shape_keeps_the_resolution_only_where_parameters_depend_on_it():
    assert ModelShape(architecture="resnet18", resolution=64) == ModelShape(architecture="resnet18")
    assert ModelShape(architecture="vit_l_32").id == "vit_l_32@224"
    assert ModelShape(architecture="vit_l_32", resolution=96).id == "vit_l_32@96"


@pytest.mark.parametrize("shape_id", ["resnet18", "vit_l_32@96", "bert"])
def test_shape_ids_can_be_read_back(shape_id):
    assert ModelShape.parse(shape_id).id == shape_id


@pytest.mark.parametrize("shape_id", ["resnet18@", "vit_b_16@big", "vit_b_16@-32"])
def test_wrong_shape_ids_are_refused(shape_id):
    with pytest.raises(ConfigurationError, match="after '@' comes a resolution"):
        ModelShape.parse(shape_id)


def test_block_architectures_are_printable_and_carry_the_resolution_of_transformers_only():
    assert block_architectures(ModelShape(architecture="resnet18", resolution=96))[3] == (
        "resnet18/3"
    )
    assert block_architectures(ModelShape(architecture="vit_l_32", resolution=96))[0] == (
        "vit_l_32@96/0"
    )
