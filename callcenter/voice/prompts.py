"""The prompts: the catalogue of texts, the files spoken from it, and whether the two agree.

A folder of prompts contains `catalogue.yaml`, `ru/<id>.wav`, `ru/manifest.json` and `music/`. The daemon needs only the
files; RHVoice and sox are needed only to speak them again. A text with values of a line in it has a neutral one beside
it, which is `ru/<id>.wav`; what each line says instead: `line_prompts.py`. `catalogue.en.yaml` has what callers hear
who have chosen English. See docs/prompts.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from callcenter.core.errors import ReadableError
from callcenter.system import files
from callcenter.system.programs import PARTS, ProgramError, ask_parts
from callcenter.voice import template
from callcenter.voice.line_words import VALUES
from callcenter.voice.speech import ENGLISH, FreeVoice, Voice, write_wave, wrong_format

Words = Annotated[str, Field(min_length=1, pattern=r"\S")]
PromptId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
ProblemKind = Literal["missing", "stale", "orphan", "format", "replaced"]


CATALOGUE = "catalogue.yaml"
RUSSIAN = "ru"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml reads the catalogue ten times as fast, which counts because the daemon reads it at its start."""
PROJECT = Path(__file__).resolve().parents[2]
FETCHING = 1800.0
"""Seconds that the set-up gets to fetch a synthesiser."""


def catalogue_name(language: str) -> str:
    """Return the name of a language's catalogue."""
    return CATALOGUE if language == RUSSIAN else f"catalogue.{language}.yaml"


class PromptError(ReadableError):
    """The catalogue cannot be used, or a prompt cannot be spoken; the text says what to do."""


@dataclass(frozen=True)
class Problem:
    """One difference between the catalogue and the files."""

    prompt: str
    kind: ProblemKind
    detail: str

    def __str__(self) -> str:
        return f"{self.prompt}: {self.kind}: {self.detail}"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Prompt(Strict):
    """One prompt; the fields are explained at the top of the catalogue."""

    when: Words
    text: Words | None = None
    neutral: Words | None = None
    tone: tuple[Annotated[int, Field(ge=300, le=3400)], Annotated[float, Field(gt=0, le=5)]] | None = None
    noise: tuple[Annotated[float, Field(ge=-70, le=-40)], Annotated[float, Field(gt=0, le=5)]] | None = None
    studio: bool = False

    @model_validator(mode="after")
    def _one_of(self) -> Prompt:
        if [self.text, self.tone, self.noise].count(None) != 2:
            raise ValueError("give one of text, tone and noise")
        if mistake := next(template.mistakes(self.text or "", VALUES), None):
            raise ValueError(mistake)
        if self.of_lines != (self.neutral is not None):
            raise ValueError(
                "a text with values needs `neutral`, which is true of every line, and no other text has one"
            )
        if template.has_values(self.neutral or ""):
            raise ValueError("found a value in `neutral`, which is true of every line")
        return self

    @property
    def of_lines(self) -> bool:
        """Whether each line says this prompt with values of its own."""
        return template.has_values(self.text or "")

    @property
    def shared(self) -> str | None:
        """The text of the file that all lines share."""
        return self.neutral or self.text


class Family(Strict):
    """Prompts that differ only in a number; their ids are `<family>-<number>`."""

    when: Words
    text: Annotated[str, Field(pattern=r"\{\}")]
    words: dict[Annotated[int, Field(ge=0)], Words]
    studio: frozenset[int] = frozenset()  # the numbers that are studio recordings

    @model_validator(mode="after")
    def _known_numbers(self) -> Family:
        if unknown := sorted(self.studio - self.words.keys()):
            raise ValueError(f"studio names numbers that words does not have: {unknown}")
        return self

    def prompt(self, number: int) -> Prompt:
        text = self.text.replace("{}", self.words[number])
        return Prompt(when=self.when, text=text, studio=number in self.studio)


class Texts(Strict):
    """The catalogue file as it is written."""

    voice: FreeVoice
    rate: Annotated[int, Field(ge=50, le=200)] = 100
    pronounce: dict[Words, Words] = Field(default_factory=dict)
    prompts: dict[PromptId, Prompt]
    families: dict[PromptId, Family] = Field(default_factory=dict)

    def spoken(self, text: str) -> str:
        """Return the text for the synthesiser: on one line, with difficult words spelled as it pronounces them."""
        line = " ".join(text.split())
        for word, said in self.pronounce.items():
            line = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", said, line, flags=re.IGNORECASE)
        return line


@dataclass(frozen=True)
class Spoken:
    """The manifest's entry for one file."""

    spoken: str  # SHA-256 of voice, rate and text
    file: str  # SHA-256 of the file


class Catalogue:
    """The texts of one folder of prompts in one language, with the families expanded."""

    def __init__(self, root: Path, texts: Texts, language: str = RUSSIAN) -> None:
        self.root = root
        self.language = language
        if (texts.voice in ENGLISH) != (language != RUSSIAN):
            raise PromptError(f"{root / catalogue_name(language)}: the voice {texts.voice} speaks another language")
        self.texts = texts
        self.prompts = dict(texts.prompts)
        for name, family in texts.families.items():
            for number in family.words:
                if (prompt := f"{name}-{number}") in self.prompts:
                    raise PromptError(f"{root / catalogue_name(language)}: {prompt} is both a prompt and in a family")
                self.prompts[prompt] = family.prompt(number)

    @classmethod
    def load(cls, root: Path, language: str = RUSSIAN) -> Catalogue:
        """Read `root/catalogue.yaml`, or that of another language. Raises PromptError with all mistakes in it."""
        path = root / catalogue_name(language)
        try:
            raw: Any = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506 - a safe one
            return cls(root, Texts.model_validate(raw), language)
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise PromptError(f"{path}: cannot be read: {error}") from error
        except ValidationError as error:
            lines = [f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors()]
            raise PromptError("\n".join([f"{path}:", *lines])) from error

    def ids(self) -> list[str]:
        """Return the ids of all prompts, in the catalogue's order."""
        return list(self.prompts)

    def family(self, name: str) -> dict[int, str]:
        """Return number -> id for a family such as `position` or `wait`, in ascending order."""
        return {number: f"{name}-{number}" for number in sorted(self.texts.families[name].words)}

    def file(self, prompt: str) -> Path:
        return self.root / "ru" / f"{prompt}.wav"

    def check(self) -> list[Problem]:
        """Report what a listener would notice: files that are missing, outdated, unknown or not playable."""
        manifest = self._manifest()
        problems = [p for prompt in self.prompts for p in self._check_one(prompt, manifest.get(prompt))]
        for path in sorted((self.root / "ru").glob("*.wav")):
            if path.stem not in self.prompts:
                problems.append(Problem(path.stem, "orphan", "not in the catalogue: delete the file"))
        music = sorted((self.root / "music").glob("*.wav"))
        if not music:  # without music a waiting caller would hear silence and hang up
            problems.append(Problem("music", "missing", "no .wav in music/: run tools/music.py"))
        problems += [Problem(f"music/{p.stem}", "format", wrong) for p in music if (wrong := wrong_format(p))]
        return problems

    def build(self, rhvoice: Path, sox: Path, only_stale: bool = True) -> list[str]:
        """Speak what is missing or stale (or everything except studio recordings). Returns the ids that were spoken.

        Studio recordings are never overwritten. A file that somebody has replaced without marking it as studio is
        overwritten only if `only_stale` is false.
        """
        voice = self.voice(rhvoice, sox)
        manifest = self._manifest()
        done: list[str] = []
        (self.root / "ru").mkdir(parents=True, exist_ok=True)
        try:
            for prompt, entry in self.prompts.items():
                if entry.studio:
                    self._accept_recording(prompt, manifest)
                elif not only_stale or self._outdated(prompt, manifest.get(prompt)):
                    write_wave(self.file(prompt), self._say(voice, entry))
                    manifest[prompt] = Spoken(self._text_hash(prompt), file_hash(self.file(prompt)))
                    done.append(prompt)
        finally:  # if a prompt fails, keep the entries of those spoken before
            self._save({prompt: manifest[prompt] for prompt in sorted(self.prompts) if prompt in manifest})
        return done

    def voice(self, rhvoice: Path, sox: Path) -> Voice:
        """Return the voice of this catalogue."""
        return Voice(rhvoice, sox, self.texts.voice, self.texts.rate)

    def _outdated(self, prompt: str, known: Spoken | None) -> bool:
        return any(problem.kind in ("missing", "stale") for problem in self._check_one(prompt, known))

    def _check_one(self, prompt: str, known: Spoken | None) -> Iterator[Problem]:
        path, studio = self.file(prompt), self.prompts[prompt].studio
        if not path.is_file():
            todo = "put the recording there" if studio else "run `callcenter prompts build`"
            yield Problem(prompt, "missing", f"no {path.name}: {todo}")
            return
        if wrong := wrong_format(path):
            yield Problem(prompt, "format", wrong)
        same_file = known is not None and known.file == file_hash(path)
        same_text = known is not None and known.spoken == self._text_hash(prompt)
        if studio:
            if same_file and not same_text:
                yield Problem(prompt, "stale", "the text is newer than the studio recording: record it anew")
        elif not same_file:
            yield Problem(prompt, "replaced", "not the file that was spoken: mark it as studio, or delete it")
        elif not same_text:
            yield Problem(prompt, "stale", "text or voice has changed: run `callcenter prompts build`")

    def _say(self, voice: Voice, entry: Prompt) -> array[int]:
        if entry.tone is not None:
            return voice.tone(*entry.tone)
        if entry.noise is not None:
            return voice.noise(*entry.noise)
        return voice.say(self.texts.spoken(entry.shared or ""))

    def _accept_recording(self, prompt: str, manifest: dict[str, Spoken]) -> None:
        """Link a new studio recording to the current text; an old one stays linked to the text it was made for."""
        path, known = self.file(prompt), manifest.get(prompt)
        if path.is_file() and (known is None or known.file != file_hash(path)):
            manifest[prompt] = Spoken(self._text_hash(prompt), file_hash(path))

    def _text_hash(self, prompt: str) -> str:
        entry = self.prompts[prompt]
        return self.hash_of(str(entry.tone or entry.noise) if entry.shared is None else self.texts.spoken(entry.shared))

    def hash_of(self, spoken: str) -> str:
        """Return the SHA-256 of voice, rate and a text as it is given to the synthesiser."""
        return hashlib.sha256(f"{self.texts.voice}\n{self.texts.rate}\n{spoken}".encode()).hexdigest()

    def _manifest(self) -> dict[str, Spoken]:
        path = self.root / "ru" / "manifest.json"
        try:
            raw: Any = json.loads(path.read_text(encoding="utf-8"))
            return {prompt: Spoken(**entry) for prompt, entry in raw.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, AttributeError) as error:
            raise PromptError(f"{path}: not a manifest ({error}): restore it from git") from error

    def _save(self, manifest: dict[str, Spoken]) -> None:
        text = json.dumps({prompt: vars(entry) for prompt, entry in manifest.items()}, indent=1)
        files.replace(self.root / "ru" / "manifest.json", (text + "\n").encode())


def file_hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_program(part: str, command: str) -> Path:
    """Find RHVoice or sox: on the PATH, or where the set-up puts it, after fetching it if necessary."""
    if found := shutil.which(command):
        return Path(found)
    if not (PROJECT / PARTS).is_file():
        raise PromptError(f"{command} is not on the PATH: install {part}")
    try:
        ask_parts(PROJECT, part, timeout=FETCHING)
        return Path(json.loads(ask_parts(PROJECT, "--where", part, timeout=FETCHING))["binary"])
    except ProgramError as problem:
        raise PromptError(problem.said or f"{part} cannot be had") from None
