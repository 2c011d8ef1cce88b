#!/usr/bin/env python3
"""A room includes only itself and rooms below it.

usage: ladder_test.py SOURCE_FOLDER ROOM...     the rooms from the lowest up, as the top CMakeLists.txt lists them
"""
import re
import sys
import tempfile
import unittest
from pathlib import Path

# The public headers (include/halfbyte) that a room implements; all others are words that every room may use.
PUBLIC = {"engine.h": "engine", "engine_stats.h": "engine", "backend.h": "backends", "backends.h": "backends", "benchmark.h": "backends"}
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.MULTILINE)
ENDINGS = {".h", ".cpp", ".def", ".inc"}

source: Path
rooms: list[str]


def level_of(path: Path, tree: Path, order: list[str]) -> int | None:
    """How high on the ladder a file stands; None where it belongs to no room."""
    parts = path.relative_to(tree).parts
    if parts[:2] == ("include", "halfbyte"):
        room = PUBLIC.get(parts[2], order[0])
    else:
        room = parts[0]
    return order.index(room) if room in order else None


def climbs(tree: Path, order: list[str]) -> list[str]:
    """The includes of higher rooms, and those of our own that are nowhere."""
    found = []
    files = [path for room in [*order, "include"] for path in sorted((tree / room).rglob("*")) if path.suffix in ENDINGS]
    for path in files:
        own = level_of(path, tree, order)
        assert own is not None
        for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            places = [path.parent / name, tree / name, tree / "include" / name]
            there = next((place for place in places if place.is_file()), None)
            where = f"{path.relative_to(tree)} includes {name}"
            if there is None:
                if name.split("/")[0] in [*order, "halfbyte"] and "/" in name:
                    found.append(f"{where}, which is not there")
                continue
            other = level_of(there.resolve(), tree.resolve(), order)
            if other is None:
                found.append(f"{where}, which belongs to no room")
            elif other > own:
                found.append(f"{where}: {order[other]} stands above {order[own]}")
    return found


class Ladder(unittest.TestCase):
    def test_no_room_includes_a_higher_one(self) -> None:
        self.assertGreater(len(list(source.glob("*/*.h"))), 100, "this is not the source folder")
        self.assertEqual(climbs(source, rooms), [])

    def test_every_folder_with_sources_is_on_the_ladder(self) -> None:
        folders = {path.parent.name for path in source.glob("*/*.cpp")}
        self.assertEqual(folders - set(rooms), set())


class PlantedIncludes(unittest.TestCase):
    """What the test above would say of a tree of three rooms in which one file was changed."""

    def climbs_with(self, path: str, text: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            files = {
                "base/file.h": "#include <string>\n",
                "engine/loop.cpp": '#include "base/file.h"\n#include "halfbyte/engine.h"\n',
                "cli/main.cpp": '#include "base/file.h"\n#include "engine/loop.h"\n',
                "engine/loop.h": "",
                "engine/inside/private.h": "",
                "include/halfbyte/engine.h": '#include "halfbyte/result.h"\n',
                "include/halfbyte/result.h": "",
            }
            files[path] = text
            for name, content in files.items():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                (tree / name).write_text(content, encoding="utf-8")
            return climbs(tree, ["base", "engine", "cli"])

    def test_the_tree_itself_is_in_order(self) -> None:
        self.assertEqual(self.climbs_with("base/file.cpp", '#include "base/file.h"\n'), [])

    def test_a_higher_room_is_named(self) -> None:
        self.assertEqual(
            self.climbs_with("base/file.cpp", '#include "engine/loop.h"\n'),
            ["base/file.cpp includes engine/loop.h: engine stands above base"],
        )

    def test_a_private_header_of_a_higher_room_is_too(self) -> None:
        self.assertEqual(
            self.climbs_with("base/file.h", '  #  include "engine/inside/private.h"\n'),
            ["base/file.h includes engine/inside/private.h: engine stands above base"],
        )

    def test_so_is_a_way_around_by_dots(self) -> None:
        self.assertEqual(
            self.climbs_with("base/file.h", '#include "../engine/loop.h"\n'),
            ["base/file.h includes ../engine/loop.h: engine stands above base"],
        )

    def test_a_public_header_belongs_to_the_room_that_implements_it(self) -> None:
        self.assertEqual(
            self.climbs_with("base/file.h", "#include <halfbyte/engine.h>\n"),
            ["base/file.h includes halfbyte/engine.h: engine stands above base"],
        )

    def test_a_public_word_includes_no_room(self) -> None:
        self.assertEqual(
            self.climbs_with("include/halfbyte/result.h", '#include "halfbyte/engine.h"\n'),
            ["include/halfbyte/result.h includes halfbyte/engine.h: engine stands above base"],
        )

    def test_a_header_that_is_nowhere_is_found(self) -> None:
        self.assertEqual(
            self.climbs_with("cli/main.cpp", '#include "engine/gone.h"\n'),
            ["cli/main.cpp includes engine/gone.h, which is not there"],
        )


if __name__ == "__main__":
    source, rooms = Path(sys.argv[1]), sys.argv[2:]
    unittest.main(argv=sys.argv[:1])
