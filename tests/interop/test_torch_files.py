"""Files of torch.save: their content is read bit for bit, and nothing in them is executed."""

import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.interop.torch_writing import ORDERED_DICT, dictionary, plain, save, tensor

from epicycle.interop.torch_files import read_torch
from epicycle.spec.errors import InputError

SIX = np.arange(6, dtype=np.float32)


def test_views_share_one_storage(tmp_path: Path) -> None:
    body = dictionary(
        {
            "whole": tensor("FloatStorage", "0", 6, 0, (2, 3), (3, 1)),
            "turned": tensor("FloatStorage", "0", 6, 0, (3, 2), (1, 3)),
            "column": tensor("FloatStorage", "0", 6, 1, (2,), (3,)),
            "number": tensor("FloatStorage", "0", 6, 5, (), ()),
            "empty": tensor("FloatStorage", "0", 6, 6, (0, 4), (4, 1)),
        }
    )
    tensors = read_torch(save(tmp_path / "a.pt", body, {"0": SIX.tobytes()}))
    whole = SIX.reshape(2, 3)
    for name, expected in {
        "whole": whole,
        "turned": whole.T,
        "column": whole[:, 1],
        "number": SIX[5],
        "empty": np.zeros((0, 4)),
    }.items():
        np.testing.assert_array_equal(tensors[name], expected)
        assert tensors[name].dtype == np.float32


def test_big_endian_and_bfloat16(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.pt", dictionary({"a": tensor("LongStorage", "0", 2, 0, (2,), (1,))}), {"0": b"\0" * 7 + b"\1" + b"\0" * 8}
    )
    assert list(read_torch(path)["a"]) == [1 << 56, 0]
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("archive/byteorder", b"big")
    assert list(read_torch(path)["a"]) == [1, 0]
    halves = (SIX.view(np.uint32) >> 16).astype(np.uint16)  # small whole numbers need no more than the upper half
    body = dictionary({"a": tensor("BFloat16Storage", "0", 6, 0, (6,), (1,))})
    widened = read_torch(save(tmp_path / "b.pt", body, {"0": halves.tobytes()}))["a"]
    np.testing.assert_array_equal(widened, SIX)
    assert widened.dtype == np.float32


BAD_CLAIMS: dict[str, tuple[bytes, str]] = {
    "past the end": (tensor("FloatStorage", "0", 6, 0, (7,), (1,)), "reaches past its storage"),
    "by its offset": (tensor("FloatStorage", "0", 6, 3, (2, 2), (2, 1)), "reaches past its storage"),
    "by its stride": (tensor("FloatStorage", "0", 6, 0, (2, 2), (5, 1)), "reaches past its storage"),
    "negative stride": (tensor("FloatStorage", "0", 6, 5, (6,), (-1,)), "cannot exist"),
    "negative offset": (tensor("FloatStorage", "0", 6, -1, (2,), (1,)), "cannot exist"),
    "a terabyte of one number": (tensor("FloatStorage", "0", 6, 0, (1 << 40,), (0,)), "reaches past its storage"),
    "fewer strides": (tensor("FloatStorage", "0", 6, 0, (2, 3), (1,)), "strides"),
    "more numbers than bytes": (tensor("FloatStorage", "0", 1 << 40, 0, (6,), (1,)), "24 bytes"),
    "another width": (tensor("DoubleStorage", "0", 6, 0, (6,), (1,)), "24 bytes"),
    "no such member": (tensor("FloatStorage", "9", 6, 0, (6,), (1,)), "missing"),
    "another folder": (tensor("FloatStorage", "../version", 2, 0, (2,), (1,)), "missing"),
    "a count that is a word": (tensor("FloatStorage", "0", "six", 0, (6,), (1,)), "said to hold 'six'"),  # type: ignore[arg-type]
    "a shape that is a word": (tensor("FloatStorage", "0", 6, 0, "6", (1,)), "cannot exist"),
}


@pytest.mark.parametrize("case", BAD_CLAIMS)
def test_claims_past_the_file_are_refused(case: str, tmp_path: Path) -> None:
    body, words = BAD_CLAIMS[case]
    with pytest.raises(InputError, match=words):
        read_torch(save(tmp_path / "a.pt", dictionary({"a": body}), {"0": SIX.tobytes()}))


def test_a_view_does_not_count_as_a_storage(tmp_path: Path) -> None:
    """One number repeated six times is within the storage; a view of that view would reach past its end."""
    view = tensor("FloatStorage", "0", 6, 5, (6,), (0,))
    again = b"ctorch._utils\n_rebuild_tensor_v2\n(" + view + plain(0) + plain((6,)) + plain((1,)) + b"\x89" + ORDERED_DICT + b"tR"
    with pytest.raises(InputError, match="cannot exist"):
        read_torch(save(tmp_path / "a.pt", dictionary({"a": again}), {"0": SIX.tobytes()}))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    good = dictionary({"a": tensor("FloatStorage", "0", 6, 0, (6,), (1,))})
    packed = save(tmp_path / "packed.pt", good, {"0": SIX.tobytes()}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="is compressed"):
        read_torch(packed)
    legacy = tmp_path / "legacy.pt"
    legacy.write_bytes(pickle.dumps({"a": 1}, 2))
    with pytest.raises(InputError, match=r"since PyTorch 1\.6"):
        read_torch(legacy)
    whole = save(tmp_path / "whole.pt", good, {"0": SIX.tobytes()}).read_bytes()
    cut = tmp_path / "cut.pt"
    for length in (4, 40, len(whole) // 2, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.pt is damaged"):
            read_torch(cut)
    start = whole.index(SIX.tobytes())
    cut.write_bytes(whole[:start] + b"\xff" + whole[start + 1 :])
    with pytest.raises(InputError, match="damaged"):
        read_torch(cut)
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as opened:
        opened.writestr("cat.jpg", b"")
    with pytest.raises(InputError, match="not a file of torch"):
        read_torch(tmp_path / "photos.zip")


@pytest.mark.parametrize("seed", range(60))
def test_damage_to_the_pickle_is_refused_or_harmless(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    body = bytearray(dictionary({"a": tensor("FloatStorage", "0", 6, 0, (2, 3), (3, 1)), "b": plain([1, {"c": 2.5}])}))
    for position in rng.integers(len(body), size=rng.integers(1, 4)):
        body[position] = rng.integers(256)
    try:
        read_torch(save(tmp_path / "a.pt", bytes(body), {"0": SIX.tobytes()}))
    except InputError as error:
        assert "a.pt" in str(error)  # noqa: PT017


class Calling:
    """An object whose pickle calls a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def hostile(canary: str) -> dict[str, bytes]:
    """Pickles that would write the file `canary`, or that name a global which could."""
    touch = f"touch {canary}"
    write = f"open({canary!r}, 'w').close()"
    calls = {
        "os.system": Calling(os.system, touch),
        "eval": Calling(eval, write),
        "exec": Calling(exec, write),
        "getattr": Calling(getattr, "x", "upper"),
        "inside a list": [1, {"weights": Calling(os.system, touch)}],
        "as an argument": Calling(list, Calling(os.system, touch)),
        "__import__": Calling(__import__, "os"),
        "bytearray": bytearray(b"x"),
        "numpy": np.float64(1.0),
    }
    text = touch.encode()
    return {name: pickle.dumps(value, 2)[2:-1] for name, value in calls.items()} | {
        "protocol 4": pickle.dumps(Calling(os.system, touch), 4)[:-1],
        "INST": b"(" + b"S'" + text + b"'\nios\nsystem\n",
        "OBJ": b"(cos\nsystem\n" + plain(touch) + b"o",
        "NEWOBJ": b"cbuiltins\nobject\n)\x81",
        "EXT": b"\x82\x01",
        "calling a string": plain("os.system") + plain((touch,)) + b"R",
        "calling a storage's kind": b"ctorch\nFloatStorage\n" + plain((touch,)) + b"R",
        "BUILD on a word": b"ctorch\nFloatStorage\n" + plain({"__call__": 1}) + b"b",
        "BUILD on a tensor": tensor("FloatStorage", "0", 6, 0, (6,), (1,)) + plain({"__class__": 1}) + b"b",
        "inside an OrderedDict": b"ccollections\nOrderedDict\n(" + pickle.dumps(Calling(os.system, touch), 2)[2:-1] + b"tR",
        "as a persistent name": pickle.dumps(Calling(os.system, touch), 2)[2:-1] + b"Q",
    }


CANARY = "canary-that-must-not-be-written"


@pytest.mark.parametrize("case", hostile(CANARY))
def test_nothing_is_executed(case: str, tmp_path: Path) -> None:
    canary = tmp_path / CANARY
    with pytest.raises(InputError):
        read_torch(save(tmp_path / "a.pt", hostile(str(canary))[case], {"0": SIX.tobytes()}))
    assert not canary.exists()


def test_the_canaries_would_sing(tmp_path: Path) -> None:
    """Python's own reader executes these pickles, so the test above can fail."""
    for case in ("os.system", "eval", "exec", "inside a list", "as an argument", "INST", "OBJ"):
        canary = tmp_path / case.replace(" ", "-")
        try:
            pickle.loads(b"\x80\x02" + hostile(str(canary))[case] + b".")
        except (TypeError, pickle.UnpicklingError):
            assert case == "as an argument"  # list(0) fails after the call
        assert canary.exists(), case


def test_the_refused_global_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"asks for (posix|nt)\.system.*nothing in it was executed"):
        read_torch(save(tmp_path / "a.pt", hostile(str(tmp_path / CANARY))["os.system"], {}))


def test_against_pytorch(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    whole = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    linear = torch.nn.Linear(3, 2)
    held = {
        "model": linear.state_dict(),  # an OrderedDict with attributes
        "parameter": linear.weight,
        "views": [whole, whole.T, whole[1:, ::2], whole[2, 3]],
        "dtypes": {str(d): torch.tensor([0, 1, 3]).to(d) for d in dtypes(torch)},
        "step": 12,
        "losses": [0.5, -1e300],
        "nested": ({"a": None, 3: True, "text": "é"}, -(1 << 80)),
        "empty": torch.zeros(0, 4),
    }
    for protocol in (2, 4):
        torch.save(held, tmp_path / f"{protocol}.pt", pickle_protocol=protocol)
        compare(torch, read_torch(tmp_path / f"{protocol}.pt"), torch.load(tmp_path / "2.pt", weights_only=True))
    torch.save(held, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(InputError, match=r"since PyTorch 1\.6"):
        read_torch(tmp_path / "old.pt")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "module.pt")
    with pytest.raises(InputError, match=r"asks for torch\.nn\.modules\.linear\.Linear"):
        read_torch(tmp_path / "module.pt")


def dtypes(torch: Any) -> tuple[Any, ...]:
    floats = (torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64)
    return (*floats, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def compare(torch: Any, ours: Any, theirs: Any) -> None:
    if isinstance(theirs, torch.Tensor):
        theirs = theirs.detach()
        expected = (theirs.float() if theirs.dtype == torch.bfloat16 else theirs).numpy()
        assert ours.dtype == expected.dtype
        np.testing.assert_array_equal(ours, expected)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name in theirs:
            compare(torch, ours[name], theirs[name])
    elif isinstance(theirs, list | tuple):
        assert type(ours) is type(theirs)
        for our_item, their_item in zip(ours, theirs, strict=True):
            compare(torch, our_item, their_item)
    else:
        assert ours == theirs
