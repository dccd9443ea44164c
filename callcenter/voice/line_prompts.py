"""Each line's own prompts: the catalogue's texts with its values, their files, and the folder that Asterisk plays.

A file spoken from a line's text is named for that text, so lines that say the same share it. It comes with the folder
of prompts (`ru/lines/`) or was spoken on this machine (`config.spoken_prompts`). The folder of the line, from which
Asterisk plays, has a link for every prompt: to that file or, while there is none, to the neutral one of all lines.

A second language has no files of all lines: whatever a line says in it is a file named for its text. The line has a
folder for it if nothing is missing, and only then callers are offered the language.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from callcenter.config import Config
from callcenter.config.description import Description
from callcenter.config.line_sections import Line
from callcenter.core.ids import LineId
from callcenter.system import files
from callcenter.voice import template
from callcenter.voice.line_words import english_words, line_words
from callcenter.voice.prompts import CATALOGUE, RUSSIAN, Catalogue, PromptError
from callcenter.voice.speech import write_wave, wrong_format

LONGEST = 1000
"""Characters of a text: a minute and a half. Nobody listens to more."""

_MADE = "made"
"""A file in a line's folder: a hash of what was linked there."""


@dataclass(frozen=True)
class Own:
    """What one line says in its own words: prompt -> the text as it is given to the synthesiser."""

    line: Line
    texts: dict[str, str]
    problems: tuple[str, ...]
    """Why the line says something neutral instead, as sentences that name the setting."""


@dataclass(frozen=True)
class Missing:
    """A text that nobody has spoken yet, or whose file cannot be played."""

    prompt: str
    text: str
    name: str
    """Of the file that is to be there."""
    lines: tuple[str, ...]
    """Whose text it is."""

    def __str__(self) -> str:
        return f"{', '.join(self.lines)}: {self.prompt}: missing: no {self.name} that can be played: «{self.text}»"


def own_prompts(catalogue: Catalogue, line: Line) -> Own:
    """Return what a line says in files of its own: in Russian what has its values, in another language everything.

    A Russian text whose value the line does not have is not among them: all lines share the neutral one.
    """
    russian = catalogue.language == RUSSIAN
    words, texts, problems = (line_words if russian else english_words)(line), dict[str, str](), list[str]()
    for prompt, entry in catalogue.prompts.items():
        if entry.text is None or (russian and not entry.of_lines):
            continue
        problems += [str(words.unsaid[name]) for name in sorted(template.names(entry.text)) if name in words.unsaid]
        filled = template.fill(entry.text, words.values) or (None if russian else entry.neutral)
        if filled is None:
            continue
        said = catalogue.texts.spoken(filled)
        if len(said) <= LONGEST:
            texts[prompt] = said
        else:
            named = " or ".join(f"spoken.{name}" for name in sorted(template.names(entry.text)))
            problems.append(
                f"lines.{line.id}: {prompt} would have {len(said)} characters, and nobody listens to more than "
                f"{LONGEST}; shorter words in {named}"
            )
    return Own(line, texts, tuple(dict.fromkeys(problems)))


def file_name(catalogue: Catalogue, prompt: str, text: str) -> str:
    """Return the name of the file of a text: the same text in the same voice has the same name."""
    return f"{prompt}.{catalogue.hash_of(text)[:12]}.wav"


def languages(config: Description) -> tuple[str, ...]:
    """Return the languages that the lines speak, Russian first."""
    seconds = {line.second_language.language for line in config.lines.values() if line.second_language}
    return RUSSIAN, *sorted(seconds)


def speakers(config: Description, language: str) -> list[LineId]:
    """Return the lines that speak a language."""
    return [
        line.id
        for line in config.lines.values()
        if language == RUSSIAN or (line.second_language is not None and line.second_language.language == language)
    ]


def missing(config: Config, catalogue: Catalogue) -> Iterator[Missing]:
    """Yield each text that has no playable file, once: also those of settings that hold from a later day on."""
    whose: dict[tuple[str, str], list[str]] = {}
    lines_of_language = speakers(config, catalogue.language)
    for version in (version for line in lines_of_language for version in config.timeline(line)):
        for prompt, text in own_prompts(catalogue, version.line).texts.items():
            lines = whose.setdefault((prompt, text), [])
            if version.line.id not in lines:
                lines.append(version.line.id)
    for (prompt, text), lines in whose.items():
        if _file(config, catalogue, prompt, text) is None:
            yield Missing(prompt, text, file_name(catalogue, prompt, text), tuple(lines))


def _file(config: Description, catalogue: Catalogue, prompt: str, text: str) -> Path | None:
    name = file_name(catalogue, prompt, text)
    places = (catalogue.root / catalogue.language / "lines" / name, config.spoken_prompts / name)
    return next((path for path in places if path.is_file() and not wrong_format(path)), None)


def lay_out(config: Description) -> list[str]:
    """Make each line's folder of prompts. Returns what callers will not hear as meant, as sentences; nothing raises.

    Whatever is wrong with the catalogue, every line has a folder in which nothing is missing that all lines share. A
    folder of prompts without a catalogue has nothing of lines: then there are no such folders.
    """
    told: list[str] = []
    catalogue = None
    try:
        if (config.prompts / CATALOGUE).is_file():
            catalogue = Catalogue.load(config.prompts)
    except PromptError as error:
        told.append(f"{error}\n  until this is mended, all lines say neutral words")
    try:
        if catalogue is None and not told:
            shutil.rmtree(config.line_prompts, ignore_errors=True)
        else:
            told += _lay_out(config, catalogue)
    except OSError as error:
        shutil.rmtree(config.line_prompts, ignore_errors=True)
        told.append(f"{config.line_prompts}: {error.strerror}; all lines say neutral words")
    return told


def _lay_out(config: Description, catalogue: Catalogue | None) -> list[str]:
    own = [own_prompts(catalogue, line) for line in config.lines.values()] if catalogue else []
    own = own or [Own(line, {}, ()) for line in config.lines.values()]
    shared = {path.name: path for path in (config.prompts / "ru").glob("*.wav")}
    told = [problem for one in own for problem in one.problems]
    for one in own:
        wanted, lacking = dict(shared), list[str]()
        for prompt, text in one.texts.items() if catalogue else ():
            if catalogue and (path := _file(config, catalogue, prompt, text)):
                wanted[f"{prompt}.wav"] = path
            else:
                lacking.append(prompt)
        _link(config.prompts_of(one.line.id), wanted)
        if lacking:
            told.append(
                f"lines.{one.line.id}: {', '.join(lacking)}: nobody has spoken the line's own words, so callers hear "
                "neutral ones; `callcenter prompts build` speaks them"
            )
    offered: set[str] = set()
    for language in languages(config)[1:] if catalogue else ():
        for line in speakers(config, language):
            told += _lay_out_second(config, config.lines[line], language, shared, offered)
    for folder in config.line_prompts.iterdir():
        if folder.name not in config.lines and folder.name not in offered:
            shutil.rmtree(folder, ignore_errors=True)
    return told


def _lay_out_second(
    config: Description, line: Line, language: str, shared: Mapping[str, Path], offered: set[str]
) -> list[str]:
    """Make a line's folder of a second language, and add its name to those `offered`, if all prompts are there."""
    try:
        catalogue = Catalogue.load(config.prompts, language)
    except PromptError as error:
        return [f"{error}\n  until this is mended, {line.id} speaks Russian only"]
    own = own_prompts(catalogue, line)
    found = {prompt: _file(config, catalogue, prompt, text) for prompt, text in own.texts.items()}
    told, lacking = list(own.problems), [prompt for prompt, path in found.items() if path is None]
    lacking += [prompt for prompt, entry in catalogue.prompts.items() if entry.text is not None and prompt not in found]
    if lacking:
        named = ", ".join(lacking[:3]) + (f" and {len(lacking) - 3} more" if len(lacking) > 3 else "")
        return [
            *told,
            f"lines.{line.id}.second_language: {named}: nobody has spoken them, so the language is not offered; "
            "`callcenter prompts build` speaks them",
        ]
    wanted = dict(shared) | {f"{prompt}.wav": path for prompt, path in found.items() if path is not None}
    folder = config.prompts_of(line.id, language)
    _link(folder, wanted)
    offered.add(folder.name)
    return told


def _link(folder: Path, wanted: dict[str, Path]) -> None:
    """Make this the content of a folder of links. Each is replaced at once: Asterisk may be about to play it.

    A line has hundreds, so a folder that has been made for the same content is only looked at, and a new one is filled
    before it has its name.
    """
    made = hashlib.sha256(repr(sorted(wanted.items())).encode()).hexdigest()
    if not folder.is_dir():
        unfinished = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, path in wanted.items():
            (unfinished / name).symlink_to(path)
        unfinished.rename(folder)
    else:
        there = set(os.listdir(folder)) - {_MADE}  # noqa: PTH208 - half the time, and there are ten thousands
        if there == wanted.keys() and (folder / _MADE).is_file() and (folder / _MADE).read_text() == made:
            return
        for name, path in wanted.items():
            if name not in there or not (folder / name).is_symlink() or (folder / name).readlink() != path:
                unfinished = folder / f".{name}.part"
                unfinished.unlink(missing_ok=True)
                unfinished.symlink_to(path)
                unfinished.replace(folder / name)
        for name in there - wanted.keys():
            (folder / name).unlink(missing_ok=True)
    files.replace(folder / _MADE, made.encode())


def speak(config: Config, catalogue: Catalogue, programs: tuple[Path, Path], *, ship: bool) -> list[str]:
    """Speak all that the lines say and nobody has spoken: into `var`, or with `ship` into the folder of prompts.

    What an announcer is to say is left to them.

    `programs`: RHVoice and sox. Returns what was spoken. Raises ReadableError.
    """
    folder = catalogue.root / catalogue.language / "lines" if ship else config.spoken_prompts
    folder.mkdir(parents=True, exist_ok=True)
    voice, done = catalogue.voice(*programs), list[str]()
    for one in missing(config, catalogue):
        if catalogue.prompts[one.prompt].studio:
            continue
        write_wave(folder / one.name, voice.say(one.text))
        done.append(f"{', '.join(one.lines)}: {one.prompt}")
    return done
