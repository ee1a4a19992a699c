"""The import hook, in real processes: started in every way in which ours are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

BUILD_AND_RUN = """
import torch, torchvision
model = torchvision.models.get_model("resnet18").eval()
with torch.inference_mode():
    print(tuple(model(torch.zeros(1, 3, 32, 32)).shape))
"""


def python(*arguments: str, cwd: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_systems_imports_no_torch():
    out = python("-c", "import sys, systems; print('torch' in sys.modules)")
    assert out.strip() == "False"


def test_works_in_a_module_run_with_dash_m(tmp_path):
    package = tmp_path / "user_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import systems" + BUILD_AND_RUN)
    assert python("-m", "user_package", cwd=tmp_path).strip() == "(1, 1000)"


def test_works_in_a_spawned_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing\n"
        "from systems.models.build import ModelShape, build_plain\n"
        "def work(queue):\n"
        "    plain = build_plain(ModelShape(architecture='resnet18'), device='meta')\n"
        "    queue.put(type(plain).__name__)\n"
        "if __name__ == '__main__':\n"
        "    context = multiprocessing.get_context('spawn')\n"
        "    queue = context.Queue()\n"
        "    process = context.Process(target=work, args=(queue,))\n"
        "    process.start()\n"
        "    print(queue.get(timeout=100))\n"
        "    process.join()\n"
    )
    assert python(str(script)).strip() == "ResNet"


def test_works_when_transformers_imports_torchvision_itself():
    out = python(
        "-c",
        "import systems, sys\n"
        "from transformers import BertModel, ViTImageProcessor\n"
        "import transformers.image_processing_utils_fast\n"
        "print('torchvision' in sys.modules, BertModel.__name__)",
    )
    assert out.strip() == "True BertModel"


def test_installing_twice_adds_one_hook():
    out = python(
        "-c",
        "import sys, systems\n"
        "from systems.torchvision_operators import install\n"
        "before = len(sys.meta_path); install(); print(len(sys.meta_path) - before)",
    )
    assert out.strip() == "0"


def test_defines_nothing_that_torchvision_has_itself():
    # A stand-in package with torchvision's names whose operators are there, as on a whole
    # installation: the hook must leave torch's operator registry alone.
    out = python(
        "-c",
        "import sys, types, torch, systems\n"
        "extension = types.ModuleType('torchvision.extension')\n"
        "extension._has_ops = lambda: True\n"
        "sys.modules['torchvision.extension'] = extension\n"
        "for finder in sys.meta_path:\n"
        "    if type(finder).__module__ == 'systems.torchvision_operators':\n"
        "        found = finder.find_spec('torchvision._meta_registrations', None)\n"
        "print(found, hasattr(torch.ops.torchvision, 'nms'))",
    )
    assert out.strip() == "None False"


@pytest.mark.parametrize("module", ["architectures", "build", "lineage"])
def test_what_is_promised_to_be_torch_free_is(module):
    out = python("-c", f"import sys, systems.models.{module}; print('torch' in sys.modules)")
    assert out.strip() == "False"
