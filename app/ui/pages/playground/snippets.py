"""The form as a program: the same request for curl, Python and Node, with a dry run before it or without. Pure.

Images and chats go through OpenAI's shape, everything else through Farebox's own; the key is read from `FAREBOX_KEY`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from app.catalogue.offers import Offer
from app.generation.dialogue import body_of
from app.kernel.text import t
from app.pricing.parameters import Kind, Parameter

LANGUAGES = ("curl", "python", "node")
#: Fields of OpenAI's own body that a model's parameter of the same name may not travel in.
TAKEN = frozenset({"model", "max_credits", "idempotency_key", "response_format", "user", "safety_identifier"})


WIDTH = 62


class Piece(TypedDict):
    """A run of text in one colour: key, string, number, quiet or nothing."""

    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `host` is where the API answers, without a slash at its end."""

    host: str
    model: str
    operation: str
    given: Mapping[str, Any]

    @property
    def is_openai(self) -> bool:
        """Whether OpenAI's image route takes it: its own field names must not hide a parameter of the model."""
        return self.operation == "images" and not TAKEN & set(self.given)

    @property
    def is_chat(self) -> bool:
        return self.operation == "chat"

    @property
    def path(self) -> str:
        if self.is_chat:
            return "/v1/chat/completions"
        return "/v1/images/generations" if self.is_openai else "/v1/generations"

    @property
    def body(self) -> dict[str, Any]:
        if self.is_chat:
            return {"model": self.model, **body_of(self.given)}
        if self.is_openai:
            return {"model": self.model, **self.given}
        return {"model": self.model, "input": dict(self.given)}


def snippet(request: Request, language: str, *, dry_run: bool) -> str:
    """The program's text; unknown languages raise KeyError."""
    return {"curl": _curl, "python": _python, "node": _node}[language](request, dry_run)


def pieces(text: str, language: str) -> list[Piece]:
    """The text in runs of one colour."""
    found: list[Piece] = []
    at = 0
    for match in _TOKENS[language].finditer(text):
        if match.start() > at:
            found.append(Piece(text=text[at : match.start()], tone=""))
        found.append(Piece(text=match[0], tone=match.lastgroup or ""))
        at = match.end()
    if at < len(text):
        found.append(Piece(text=text[at:], tone=""))
    return found


_STRING = r"(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)"
_TOKENS = {
    "curl": re.compile(rf"(?P<quiet>^#.*$)|(?P<key>^curl\b)|{_STRING}", re.MULTILINE),
    "python": re.compile(
        rf"(?P<quiet>\#.*$)|{_STRING}|(?P<key>\b(?:import|from|print|while|if|not|in|with|as|for|raise)\b)"
        r"|(?P<number>\b(?:\d+(?:\.\d+)?|True|False|None)\b)",
        re.MULTILINE,
    ),
    "node": re.compile(
        rf"(?P<quiet>//.*$)|{_STRING}|(?P<key>\b(?:const|let|await|async|function|return|while|if|throw|new|of|for)\b)"
        r"|(?P<number>\b(?:\d+(?:\.\d+)?|true|false|null)\b)",
        re.MULTILINE,
    ),
}


# ---- curl ----


def _curl(request: Request, dry_run: bool) -> str:
    quoted = _compact(request.body).replace("'", "'\\''")
    if not dry_run:
        return _curl_call(request.host + request.path, f"'{quoted}'")
    dry = _curl_call(f"{request.host}{request.path}?dryRun=true", '"$request"')
    run = _curl_call(request.host + request.path, '"$request"')
    return f"request='{quoted}'\n\n# What it would cost; nothing runs\n{dry}\n\n# Run it\n{run}"


def _curl_call(url: str, body: str) -> str:
    # A question mark is a pattern to some shells.
    address = f'"{url}"' if "?" in url else url
    return (
        f"curl {address} \\\n"
        '  -H "Authorization: Bearer $FAREBOX_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {body}"
    )


def _compact(body: Mapping[str, Any]) -> str:
    """JSON on as few lines as fit, broken between fields."""
    lines, indent = ["{"], " " * 4
    for index, (name, value) in enumerate(body.items()):
        written = f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"
        comma = ", " if index < len(body) - 1 else ""
        if lines[-1].strip() != "{" and len(lines[-1]) + len(written) > WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent)
        lines[-1] += written + comma
    return "\n".join(lines) + "}"


# ---- Python ----

#: Parameters the OpenAI client's `images.generate` names itself with a type that fits anything a model may take.
OPENAI_NAMED = frozenset({"prompt", "n"})


def _python(request: Request, dry_run: bool) -> str:
    if request.is_chat:
        return _python_chat(request, dry_run)
    return _python_openai(request, dry_run) if request.is_openai else _python_native(request, dry_run)


def _python_openai(request: Request, dry_run: bool) -> str:
    named = {name: value for name, value in request.given.items() if name in OPENAI_NAMED}
    extra = {name: value for name, value in request.given.items() if name not in OPENAI_NAMED}
    arguments = [f"    model={_literal(request.model)},"]
    arguments += [f"    {name}={_literal(value)}," for name, value in named.items()]
    if "prompt" not in named:
        arguments.append('    prompt="",')
    if extra:
        arguments += [
            "    extra_body={",
            *(f"        {_literal(k)}: {_literal(v)}," for k, v in extra.items()),
            "    },",
        ]
    lines = [
        "import os",
        "from openai import OpenAI",
        "",
        f'client = OpenAI(base_url="{request.host}/v1", api_key=os.environ["FAREBOX_KEY"])',
        "request = dict(",
        *arguments,
        ")",
    ]
    if dry_run:
        lines += [
            "",
            "# What it would cost; nothing runs",
            'estimate = client.images.generate(**request, extra_query={"dryRun": "true"})',
            'print(estimate.model_extra["credits"], "credits:", estimate.model_extra["reason"])',
        ]
    lines += [
        "",
        "result = client.images.generate(**request)",
        "for image in result.data:",
        "    print(image.url)",
        'print("charged", result.model_extra["metadata"]["credits"], "credits")',
    ]
    return "\n".join(lines)


def _python_chat(request: Request, dry_run: bool) -> str:
    lines = [
        "import os",
        "from openai import OpenAI",
        "",
        f'client = OpenAI(base_url="{request.host}/v1", api_key=os.environ["FAREBOX_KEY"])',
        f"request = {_python_value(request.body)}",
    ]
    if dry_run:
        lines += [
            "",
            "# What it would cost; nothing runs",
            'estimate = client.chat.completions.create(**request, extra_query={"dryRun": "true"})',
            'print("at most", estimate.model_extra["credits_maximum"], "credits:", estimate.model_extra["reason"])',
        ]
    lines += [
        "",
        "answer = client.chat.completions.create(**request)",
        "print(answer.choices[0].message.content)",
        'print("charged", answer.metadata["credits"], "credits")',
    ]
    return "\n".join(lines)


def _python_native(request: Request, dry_run: bool) -> str:
    body = _python_value(request.body)
    lines = [
        "import os, time",
        "import httpx",
        "",
        "client = httpx.Client(",
        f'    base_url="{request.host}",',
        """    headers={"Authorization": f"Bearer {os.environ['FAREBOX_KEY']}"},""",
        ")",
        f"request = {body}",
    ]
    if dry_run:
        lines += [
            "",
            "# What it would cost; nothing runs",
            f'estimate = client.post("{request.path}?dryRun=true", json=request).raise_for_status().json()',
            'print(estimate["credits"], "credits:", estimate["reason"])',
        ]
    lines += [
        "",
        f'job = client.post("{request.path}", json=request).raise_for_status().json()',
        'while job["status"] in ("queued", "running", "unknown"):',
        "    time.sleep(1)",
        """    job = client.get(f"/v1/generations/{job['id']}").raise_for_status().json()""",
        'print(job["status"], [file["url"] for file in job["output"]])',
        'print("charged", job["metadata"]["credits"], "credits")',
    ]
    return "\n".join(lines)


def _python_value(value: Any, depth: int = 0) -> str:
    """A literal over several lines, as a person would set it."""
    if not isinstance(value, dict) or not value:
        return _literal(value)
    pad = "    " * (depth + 1)
    inner = "\n".join(f"{pad}{_literal(name)}: {_python_value(one, depth + 1)}," for name, one in value.items())
    return "{\n" + inner + "\n" + "    " * depth + "}"


def _literal(value: Any) -> str:
    """Python's own spelling; text in double quotes, as JSON escapes it (Python reads those escapes alike)."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# ---- Node ----


def _node(request: Request, dry_run: bool) -> str:
    body = json.dumps(request.body, ensure_ascii=False, indent=2)
    lines = [
        "// Node 18 or newer, saved as .mjs",
        f"const host = {json.dumps(request.host)};",
        "const headers = {",
        "  Authorization: `Bearer ${process.env.FAREBOX_KEY}`,",
        '  "Content-Type": "application/json",',
        "};",
        f"const body = JSON.stringify({body});",
        "",
        "async function ask(path, options = {}) {",
        "  const answer = await fetch(host + path, { headers, ...options });",
        "  const said = await answer.json();",
        "  if (!answer.ok) throw new Error(said.error.message);",
        "  return said;",
        "}",
    ]
    if dry_run:
        lines += [
            "",
            "// What it would cost; nothing runs",
            f'const estimate = await ask("{request.path}?dryRun=true", {{ method: "POST", body }});',
            "console.log(`${estimate.credits} credits: ${estimate.reason}`);",
        ]
    run = _node_chat if request.is_chat else _node_images if request.is_openai else _node_job
    lines += ["", *run(request)]
    return "\n".join(lines)


def _node_chat(request: Request) -> list[str]:
    return [
        f'const answer = await ask("{request.path}", {{ method: "POST", body }});',
        "console.log(answer.choices[0].message.content);",
        "console.log(`charged ${answer.metadata.credits} credits`);",
    ]


def _node_images(request: Request) -> list[str]:
    return [
        f'const result = await ask("{request.path}", {{ method: "POST", body }});',
        "for (const image of result.data) console.log(image.url);",
        "console.log(`charged ${result.metadata.credits} credits`);",
    ]


def _node_job(request: Request) -> list[str]:
    return [
        f'let job = await ask("{request.path}", {{ method: "POST", body }});',
        'while (["queued", "running", "unknown"].includes(job.status)) {',
        "  await new Promise((wake) => setTimeout(wake, 1000));",
        "  job = await ask(`/v1/generations/${job.id}`);",
        "}",
        "console.log(job.status, job.output.map((file) => file.url));",
        "console.log(`charged ${job.metadata.credits} credits`);",
    ]


# ---- what to say ----


def worth_saying(offer: Offer, given: Mapping[str, Any]) -> dict[str, Any]:
    """The input less what is the default anyway, with a word in place of each required text still to be written."""
    found: dict[str, Any] = {}
    for parameter in offer.schema.parameters:
        value = given.get(parameter.name)
        if value is None:
            if parameter.required and parameter.default is None:
                found[parameter.name] = _placeholder(parameter)
            continue
        try:
            value = parameter.canonical(value)
        except ValueError:
            continue  # the form marks it; a program must not carry it on
        if value != parameter.default:
            found[parameter.name] = value
    return found


def _placeholder(parameter: Parameter) -> Any:
    if parameter.kind is Kind.ARRAY:
        return ["https://example.com/input.png"]
    if parameter.kind is Kind.FILE:
        return "https://example.com/input.png"
    return t("playground.snippet.placeholder")
