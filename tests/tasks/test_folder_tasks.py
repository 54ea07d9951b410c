"""Tasks read from a user's folder: plain and gzip agree, and each way to go wrong has its own message."""

import gzip
import os
import re
import struct

import numpy as np
import pytest

from gendyn.core import ConfigError
from gendyn.tasks import _cifar as cifar
from gendyn.tasks import _idx as idx
from gendyn.tasks import cifar10, cifar100, fashion_mnist, mnist
from gendyn.tasks._idx import write_idx

FACTORIES = (mnist, fashion_mnist, cifar10, cifar100)
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
COARSE_AND_FINE = {"coarse": 20, "fine": 100}


def _edit(path, change):
    path.write_bytes(change(path.read_bytes()))


@pytest.fixture
def idx_folder(tmp_path):
    write_idx(tmp_path)
    return tmp_path


@pytest.fixture
def cifar10_folder(tmp_path):
    for seed, name in enumerate((*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")):
        cifar.write_records(tmp_path / name, 10, {"class": 10}, seed=seed)
    return tmp_path


@pytest.fixture
def cifar100_folder(tmp_path):
    cifar.write_records(tmp_path / "train.bin", 100, COARSE_AND_FINE, seed=0)
    cifar.write_records(tmp_path / "test.bin", 20, COARSE_AND_FINE, seed=1)
    return tmp_path


# The folder itself.


@pytest.mark.parametrize("factory", FACTORIES)
def test_no_folder_given(factory):
    with pytest.raises(ConfigError, match=r"^folder = '': no folder given; set it to the one with"):
        factory()


@pytest.mark.parametrize("factory", FACTORIES)
def test_a_folder_that_is_absent_empty_or_a_file(factory, tmp_path):
    with pytest.raises(ConfigError, match=r"^folder = '.*nowhere' does not exist; it must hold "):
        factory(folder=str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"^folder = .* is empty; it must hold "):
        factory(folder=str(tmp_path))
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match=r"^folder = '.*file' is a file, must be the folder"):
        factory(folder=str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"has no file \S+ or \S+\.gz\. The folder holds file\."):
        factory(folder=str(tmp_path))


def test_an_unreadable_folder_and_file(idx_folder, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with (
        monkeypatch.context() as patch,
        pytest.raises(ConfigError, match=r"cannot be read \(Permission denied\): check"),
    ):
        patch.setattr(os, "listdir", refuse)
        mnist(folder=str(idx_folder))
    (idx_folder / TRAIN_LABELS).unlink()
    (idx_folder / TRAIN_LABELS).mkdir()
    with pytest.raises(ConfigError, match=r"train-labels-idx1-ubyte cannot be read \(Is a directory\)"):
        mnist(folder=str(idx_folder), official=False)


@pytest.mark.parametrize("name", idx.NAMES)
def test_each_missing_file_is_named(idx_folder, name):
    (idx_folder / name).unlink()
    with pytest.raises(ConfigError, match=rf"has no file {name} or {name}\.gz\. The folder holds "):
        mnist(folder=str(idx_folder), official=False)


def test_files_in_a_subfolder_are_pointed_at(tmp_path):
    (tmp_path / "MNIST").mkdir()
    write_idx(tmp_path / "MNIST", gz=True)
    with pytest.raises(ConfigError, match=rf"in a subfolder: set folder={re.escape(str(tmp_path / 'MNIST'))}\."):
        mnist(folder=str(tmp_path), official=False)


# Gzip.


def test_plain_and_gzip_files_give_the_same_task(tmp_path):
    tasks = []
    for name, gz in (("plain", False), ("gz", True)):
        (tmp_path / name).mkdir()
        write_idx(tmp_path / name, gz=gz)
        tasks.append(mnist(folder=str(tmp_path / name), official=False))
    assert tasks[0].provenance == tasks[1].provenance
    np.testing.assert_array_equal(tasks[0].x_train, tasks[1].x_train)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (gzip.decompress, r"named \.gz but is not a gzip file: rename it"),
        (lambda content: content[:-400], r"is truncated: its gzip stream ends early"),
        (lambda content: content[:200] + b"\xff" * 50 + content[250:], r"is damaged: its gzip stream cannot be"),
        (lambda content: content[:-8] + b"\0" * 8, r"is damaged: its gzip stream cannot be decompressed \(CRC"),
    ],
)
def test_bad_gzip_files(tmp_path, change, message):
    write_idx(tmp_path, gz=True)
    _edit(tmp_path / f"{TRAIN_IMAGES}.gz", change)
    with pytest.raises(ConfigError, match=rf"{TRAIN_IMAGES}\.gz .*{message}"):
        mnist(folder=str(tmp_path), official=False)


def test_a_gzip_file_without_the_suffix(idx_folder):
    _edit(idx_folder / TRAIN_IMAGES, gzip.compress)
    with pytest.raises(ConfigError, match=rf"{TRAIN_IMAGES} is a gzip file: rename it to {TRAIN_IMAGES}\.gz"):
        mnist(folder=str(idx_folder), official=False)


# IDX.


def _header(*values):
    header = struct.pack(f">{len(values)}i", *values)
    return lambda content: header + content[len(header) :]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            TRAIN_IMAGES,
            lambda content: content[:-1],
            r"is truncated: it holds 47055 bytes, must hold 47056 \(header and 60",
        ),
        (TRAIN_IMAGES, lambda content: content + b"\0", r"is too long: it holds more than the 47056 bytes"),
        (TEST_LABELS, lambda content: content[:-3], r"is truncated: it holds 25 bytes, must hold 28"),
        (TRAIN_IMAGES, lambda content: content[:2], r"is truncated: it ends inside its 16-byte header"),
        (TRAIN_IMAGES, lambda content: content[:10], r"is truncated: it ends inside its 16-byte header"),
        (TRAIN_LABELS, lambda content: b"", r"is truncated: it ends inside its 8-byte header"),
        (TRAIN_IMAGES, _header(2052), r"is not an IDX file of images: its magic number is 2052, must be 2051"),
        (TRAIN_LABELS, lambda content: b"\x89PNG" + content, r"is not an IDX file of labels: its magic number is"),
        (TRAIN_IMAGES, _header(2051, 60, 32, 32), r"holds images of 32 x 32 pixels, must be 28 x 28"),
        (TRAIN_IMAGES, _header(2051, 2**20), r"is truncated: it holds 47056 bytes, must hold"),
        (TRAIN_IMAGES, _header(2051, 2**31 - 1), r"says that it holds 2147483647 examples, 1683627179264 bytes"),
        (TRAIN_LABELS, _header(2049, -1), r"holds -1 examples, must hold at least 1"),
    ],
)
def test_damaged_idx_files(idx_folder, name, change, message):
    _edit(idx_folder / name, change)
    with pytest.raises(ConfigError, match=f"{name} {message}"):
        mnist(folder=str(idx_folder), official=False)


def test_images_and_labels_swapped(idx_folder):
    (idx_folder / TRAIN_IMAGES).rename(idx_folder / "aside")
    (idx_folder / TRAIN_LABELS).rename(idx_folder / TRAIN_IMAGES)
    (idx_folder / "aside").rename(idx_folder / TRAIN_LABELS)
    with pytest.raises(ConfigError, match=r"holds labels \(magic 2049\), must hold images \(magic 2051\).*swapped"):
        fashion_mnist(folder=str(idx_folder), official=False)


def test_training_and_test_files_swapped(tmp_path):
    # Only the header is looked at before the count is refused.
    write_idx(tmp_path, num_train=10_000, num_test=10)
    with pytest.raises(ConfigError, match=r"holds 10000 examples, must hold 60000; this is the size of the test split"):
        mnist(folder=str(tmp_path))


def test_images_of_one_split_with_labels_of_the_other(idx_folder):
    (idx_folder / TRAIN_LABELS).write_bytes((idx_folder / TEST_LABELS).read_bytes())
    with pytest.raises(ConfigError, match=r"the training split has 60 images but 20 labels; the files do not match"):
        mnist(folder=str(idx_folder), official=False)


def test_a_subset_is_refused_unless_it_is_asked_for(idx_folder):
    with pytest.raises(ConfigError, match=r"holds 60 examples, must hold 60000; set official=False to use a subset"):
        mnist(folder=str(idx_folder))
    assert mnist(folder=str(idx_folder), official=False).provenance["official"] == "False"


def test_wrong_class_counts(tmp_path):
    write_idx(tmp_path, num_classes=7)
    with pytest.raises(ConfigError, match=r"task mnist: the training split holds 7 classes, must hold all 10; class 7"):
        mnist(folder=str(tmp_path), official=False)
    write_idx(tmp_path, num_classes=12)
    with pytest.raises(ConfigError, match=r"task mnist: training example 10 has label 10, which must be in 0 \.\. 9"):
        mnist(folder=str(tmp_path), official=False)


@pytest.mark.parametrize("gz", [False, True])
def test_published_checksums_are_required_of_the_content(tmp_path, monkeypatch, gz):
    # The published sizes are large, so the checksums of a small pair of splits are put in their place.
    from hashlib import md5

    from gendyn.tasks import _idx

    monkeypatch.setattr(_idx, "_SPLITS", (("training", "train", 60), ("test", "t10k", 20)))
    write_idx(tmp_path, gz=gz)
    read = (lambda path: gzip.decompress(path.read_bytes())) if gz else (lambda path: path.read_bytes())
    files = {path.name.removesuffix(".gz"): md5(read(path)).hexdigest() for path in tmp_path.iterdir()}
    arguments = {"official": True, "split_seed": 0, "source": "test"}
    assert len(_idx.idx_task("mnist", str(tmp_path), files, **arguments).x_train) == 60
    files[TEST_IMAGES] = "0" * 32
    with pytest.raises(ConfigError, match=rf"{TEST_IMAGES}\S* differs from the published.*MD5.*Download it again"):
        _idx.idx_task("mnist", str(tmp_path), files, **arguments)


def test_pixels_and_labels_are_read_in_order(tmp_path):
    images = np.zeros((10, 28, 28), np.uint8)
    images[np.arange(10), 3, 5 + np.arange(10)] = 200  # example i has one bright pixel in row 3, column 5 + i
    for prefix in ("train", "t10k"):
        header = struct.pack(">4i", 2051, 10, 28, 28)
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 2049, 10) + bytes(range(10)))
    task = mnist(folder=str(tmp_path), official=False)
    for x, y in ((task.x_train, task.y_train), (task.x_test, task.y_test)):
        row, column = np.unravel_index(x[..., 0].reshape(10, -1).argmax(1), (28, 28))
        np.testing.assert_array_equal(row, 3)
        np.testing.assert_array_equal(column, 5 + y)
    assert float(task.provenance["mean"]) == pytest.approx(200 / 255 / 784)


# CIFAR.


def test_cifar_planes_become_channels_last(tmp_path):
    record = np.zeros((10, 3073), np.uint8)
    record[:, 0] = np.arange(10)
    # Red is 1 at row 2, column 7; green at row 4, column 1; blue at row 31, column 30.
    for plane, (row, column) in enumerate(((2, 7), (4, 1), (31, 30))):
        record[:, 1 + plane * 1024 + row * 32 + column] = 9
    record.tofile(tmp_path / "x.bin")
    images, labels = cifar.read_records(tmp_path / "x.bin", {"class": 10}, None, None)
    np.testing.assert_array_equal(labels, np.arange(10))
    assert images.shape == (10, 32, 32, 3) and images.flags.c_contiguous
    wanted = np.zeros((32, 32, 3))
    wanted[2, 7, 0] = wanted[4, 1, 1] = wanted[31, 30, 2] = 9
    np.testing.assert_array_equal(images[3], wanted)


def test_cifar_statistics_are_per_channel(cifar10_folder):
    task = cifar10(folder=str(cifar10_folder), official=False)
    np.testing.assert_allclose(task.x_train.mean(axis=(0, 1, 2), dtype=np.float64), 0, atol=1e-5)
    np.testing.assert_allclose(task.x_train.std(axis=(0, 1, 2), dtype=np.float64), 1, atol=1e-5)
    assert len(task.provenance["std"].split(",")) == 3


def test_cifar100_labels_fine_and_coarse(cifar100_folder):
    fine = cifar100(folder=str(cifar100_folder), official=False)
    coarse = cifar100(folder=str(cifar100_folder), labels="coarse", official=False)
    assert (fine.num_outputs, coarse.num_outputs) == (100, 20)
    np.testing.assert_array_equal(fine.y_test, np.arange(20))
    np.testing.assert_array_equal(np.bincount(coarse.y_train), 5)
    with pytest.raises(ConfigError, match=r"^labels = 'corse' must be one of coarse, fine\. Did you mean 'coarse'"):
        cifar100(folder=str(cifar100_folder), labels="corse")


def test_cifar_gzip_files(cifar100_folder):
    before = cifar100(folder=str(cifar100_folder), official=False)
    for name in ("train.bin", "test.bin"):
        (cifar100_folder / f"{name}.gz").write_bytes(gzip.compress((cifar100_folder / name).read_bytes()))
        (cifar100_folder / name).unlink()
    assert cifar100(folder=str(cifar100_folder), official=False).provenance == before.provenance


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda content: content[:-5],
            r"holds 30725 bytes, no multiple of the 3073 bytes of a record: it is truncated",
        ),
        (lambda content: b"", r"is empty, must hold records of 3073 bytes"),
        (lambda content: b"\x0b" + content[1:], r"record 0 has class label 11, which must be in 0 \.\. 9"),
    ],
)
def test_damaged_cifar_files(cifar10_folder, change, message):
    _edit(cifar10_folder / "data_batch_3.bin", change)
    with pytest.raises(ConfigError, match=rf"data_batch_3\.bin:? {message}"):
        cifar10(folder=str(cifar10_folder), official=False)


def test_official_cifar_files_have_the_published_length(cifar10_folder, cifar100_folder):
    with pytest.raises(ConfigError, match=r"data_batch_1\.bin is truncated: it holds 30730 bytes, must hold 30730000"):
        cifar10(folder=str(cifar10_folder))
    with pytest.raises(ConfigError, match=r"train\.bin is truncated: it holds 307400 bytes, must hold 153700000"):
        cifar100(folder=str(cifar100_folder))


def test_training_and_test_files_of_cifar100_swapped(tmp_path):
    size = 10_000 * 3074
    with open(tmp_path / "train.bin", "wb") as file:
        file.truncate(size)  # sparse: the length alone tells
    with pytest.raises(ConfigError, match=rf"train\.bin is truncated: it holds {size} bytes.*50000 records"):
        cifar100(folder=str(tmp_path))


def test_cifar10_files_under_the_names_of_cifar100(cifar10_folder):
    for old, new in (("data_batch_1.bin", "train.bin"), ("test_batch.bin", "test.bin")):
        (cifar10_folder / old).rename(cifar10_folder / new)
    with pytest.raises(ConfigError, match=r"no multiple of the 3074 bytes .* binary file with 2 label byte"):
        cifar100(folder=str(cifar10_folder), official=False)


def test_cifar10_content_must_have_the_published_checksum(tmp_path):
    cifar.write_records(tmp_path / "x.bin", 10, {"class": 10})
    with pytest.raises(ConfigError, match=r"x\.bin differs from the published data set: the MD5 checksum"):
        cifar.read_records(tmp_path / "x.bin", {"class": 10}, 10, "0" * 32)


def test_published_balance_of_cifar100(tmp_path):
    cifar.check_balanced(tmp_path, "training", "fine", np.arange(200) % 100, 2)
    with pytest.raises(ConfigError, match=r"has 3 examples of fine class 0, published are 2: the files are damaged or"):
        cifar.check_balanced(tmp_path, "training", "fine", np.r_[np.arange(100), np.arange(99), 0], 2)
