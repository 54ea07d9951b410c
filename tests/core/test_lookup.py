"""Names are found by file."""

import importlib
import sys

import pytest

from gendyn.core import ConfigError, lookup, module, names


@pytest.fixture
def attic(tmp_path, monkeypatch):
    """A room outside the tree, with a public file, a private one and a file that breaks its promise."""
    room = tmp_path / "attic"
    room.mkdir()
    (room / "__init__.py").write_text("")
    (room / "trunk.py").write_text("def trunk():\n    return 'found'\n")
    (room / "_lock.py").write_text("")
    (room / "box.py").write_text("def Box(): ...\n")
    gendyn = importlib.import_module("gendyn")
    monkeypatch.setattr(gendyn, "__path__", [*gendyn.__path__, str(tmp_path)])
    yield "attic"
    for name in [name for name in sys.modules if name.startswith("gendyn.attic")]:
        del sys.modules[name]
    if hasattr(gendyn, "attic"):
        del gendyn.attic


def test_names_are_the_public_files(attic):
    assert names(attic) == ("box", "trunk")


def test_a_new_file_is_found_without_a_registry(attic, tmp_path):
    (tmp_path / attic / "chest.py").write_text("chest = 3\n")
    importlib.invalidate_caches()
    assert "chest" in names(attic)
    assert lookup(attic, "chest") == 3


def test_in_a_room_with_folders_what_lies_in_them_are_the_names(attic, tmp_path):
    for folder in ("shelf", "shelf/jar", "rack", "_cellar"):
        (tmp_path / attic / folder).mkdir()
        (tmp_path / attic / folder / "__init__.py").write_text("jar = 7\n")
    (tmp_path / attic / "shelf" / "cup.py").write_text("cup = 5\n")
    (tmp_path / attic / "shelf" / "_hook.py").write_text("")
    (tmp_path / attic / "shelf" / "jar" / "lid.py").write_text("lid = 8\n")  # a part of jar
    (tmp_path / attic / "rack" / "coat.py").write_text("coat = 9\n")
    (tmp_path / attic / "_cellar" / "wine.py").write_text("")
    importlib.invalidate_caches()
    # box.py and trunk.py lie beside the folders: the room's own parts.
    assert names(attic) == ("coat", "cup", "jar")
    assert (lookup(attic, "cup"), lookup(attic, "jar"), lookup(attic, "coat")) == (5, 7, 9)
    assert module(attic, "jar").__name__ == "gendyn.attic.shelf.jar"
    with pytest.raises(ConfigError, match=r"'trunk'.*create gendyn/attic/<one of rack, shelf>/trunk\.py, or name"):
        lookup(attic, "trunk")


def test_a_name_in_two_folders_is_refused(attic, tmp_path):
    for folder in ("shelf", "rack"):
        (tmp_path / attic / folder).mkdir()
        (tmp_path / attic / folder / "__init__.py").write_text("")
        (tmp_path / attic / folder / "cup.py").write_text("")
    importlib.invalidate_caches()
    with pytest.raises(ConfigError, match=r"attic: 'cup' is both gendyn\.attic\.rack\.cup and in gendyn\.attic\.shelf"):
        names(attic)


def test_lookup_returns_the_object_the_file_is_named_after(attic):
    assert lookup(attic, "trunk")() == "found"
    assert module(attic, "trunk").__name__ == "gendyn.attic.trunk"


def test_an_unknown_name_lists_the_known_ones_the_nearest_and_the_file_to_create(attic):
    message = (
        r"^attic: there is no 'trunc'\. Did you mean 'trunk'\? Known: box, trunk\. "
        r"To add it, create gendyn/attic/trunc\.py, or name an object of your own, module:object\.$"
    )
    with pytest.raises(ConfigError, match=message):
        lookup(attic, "trunc")


@pytest.mark.parametrize("name", ["_lock", "", "trunk.trunk", "../attic", None, 3])
def test_what_is_not_a_public_file_is_unknown(attic, name):
    with pytest.raises(ConfigError, match=r"there is no .* Known: box, trunk"):
        lookup(attic, name)


def test_a_file_without_its_object_is_named(attic):
    with pytest.raises(ConfigError, match=r"gendyn/attic/box\.py must define 'box'"):
        lookup(attic, "box")


def test_an_unknown_room_is_not_hidden():
    with pytest.raises(ModuleNotFoundError, match="cellar"):
        names("cellar")


def test_an_object_of_a_users_own_module(tmp_path, monkeypatch):
    (tmp_path / "own_filters.py").write_text("def halve(): return 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert lookup("optim", "own_filters:halve")() == 1
    with pytest.raises(ConfigError, match=r"must define 'double', the object asked for by 'own_filters:double'"):
        lookup("optim", "own_filters:double")
    with pytest.raises(ConfigError, match=r"names the module 'no_such', which cannot be imported.*PYTHONPATH"):
        lookup("optim", "no_such:thing")
