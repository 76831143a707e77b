// JSON in an editor: coloured, with line numbers, an edge on changed lines, and a card under each line with a problem.
// What is typed lives here, and the state hears of it shortly after the last key: the text, the text it was typed on, and
// the how-manieth time this is. `heard` is the last of those numbers the state has heard. An older answer is not looked
// at, so that a slow one never moves the cursor; what somebody else changed meanwhile is taken in beside what was typed.
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { ChangeSet, EditorState, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, ViewPlugin, WidgetType,
} from "@codemirror/view";
import { useEffect, useRef } from "react";

const TYPE_MS = 220;
const REMEMBERED = 50;
const WORD = /[\p{L}\p{N}._-]/u;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b/g;

const key = Decoration.mark({ class: "fb-code-key" });
const string = Decoration.mark({ class: "fb-code-string" });
const number = Decoration.mark({ class: "fb-code-number" });
const word = Decoration.mark({ class: "fb-code-word" });
const wrong = Decoration.mark({ class: "fb-code-wave" });
const wrongLine = Decoration.line({ class: "fb-code-wrong" });
const changedLine = Decoration.line({ class: "fb-code-changed" });

const colours = ViewPlugin.fromClass(
  class {
    constructor(view) { this.decorations = paint(view); }
    update(update) {
      if (update.docChanged || update.viewportChanged) this.decorations = paint(update.view);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

function paint(view) {
  const found = [];
  for (const { from, to } of view.visibleRanges) {
    for (let at = from; at <= to;) { // a line that is too long goes on under itself, two further in
      const line = view.state.doc.lineAt(at);
      const hang = line.text.match(/^ */)[0].length + 2;
      found.push(Decoration.line({ attributes: { style: `--hang: ${hang}ch` } }).range(line.from));
      at = line.to + 1;
    }
    const text = view.state.sliceDoc(from, to);
    for (const match of text.matchAll(TOKEN)) {
      const at = from + match.index;
      const mark = match[1] ? (match[2] ? key : string) : match[3] ? number : word;
      found.push(mark.range(at, at + (match[1] || match[3] || match[4]).length));
    }
  }
  return Decoration.set(found, true);
}

class ProblemCard extends WidgetType {
  constructor(problem, press) {
    super();
    this.problem = problem;
    this.press = press;
  }
  eq(other) { return JSON.stringify(other.problem) === JSON.stringify(this.problem); }
  get estimatedHeight() { return 72; }
  toDOM() {
    const frame = document.createElement("div"); // its padding is measured with the line; a margin would not be
    frame.className = "fb-code-frame";
    const card = document.createElement("div");
    card.className = "fb-code-card";
    frame.append(card);
    card.setAttribute("role", "note");
    const path = document.createElement("p");
    path.className = "fb-code-path";
    path.textContent = this.problem.path;
    const sentence = document.createElement("p");
    sentence.textContent = `${this.problem.message} `;
    if (this.problem.fix) {
      const fix = document.createElement("button");
      fix.type = "button";
      fix.className = "fb-code-fix";
      fix.textContent = this.problem.fix;
      fix.addEventListener("click", () => this.press(this.problem.id));
      sentence.append(fix);
    }
    if (this.problem.path) card.append(path);
    card.append(sentence);
    return frame;
  }
  ignoreEvent() { return true; }
}

const setNotes = StateEffect.define();

const notes = (press) =>
  StateField.define({
    create: () => Decoration.none,
    update(decorations, transaction) {
      let next = decorations.map(transaction.changes);
      for (const effect of transaction.effects) {
        if (effect.is(setNotes)) next = drawn(transaction.state.doc, effect.value, press);
      }
      return next;
    },
    provide: (field) => EditorView.decorations.from(field),
  });

function drawn(doc, { problems, changed }, press) {
  const found = [];
  for (const line of changed || []) {
    if (line >= 1 && line <= doc.lines) found.push(changedLine.range(doc.line(line).from));
  }
  const seen = new Set();
  for (const problem of problems || []) {
    const line = doc.line(Math.min(Math.max(problem.line, 1), doc.lines));
    if (!seen.has(line.number)) found.push(wrongLine.range(line.from));
    seen.add(line.number);
    const name = `"${(problem.path || "").split(".").pop().replace(/\[\d+\]$/, "")}"`;
    const at = line.text.indexOf(name);
    if (at >= 0) found.push(wrong.range(line.from + at, line.from + at + name.length));
    found.push(Decoration.widget({ widget: new ProblemCard(problem, press), block: true, side: 1 }).range(line.to));
  }
  return Decoration.set(found, true);
}

/** The smallest change that makes one text the other, so that cursor and scroll stay where they are. */
function difference(before, after) {
  let from = 0;
  const most = Math.min(before.length, after.length);
  while (from < most && before[from] === after[from]) from += 1;
  let end = 0;
  while (end < most - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { from, to: before.length - end, insert: after.slice(from, after.length - end) };
}

/** Whether two changes of one text leave each other's words alone. */
function apart(before, one, other) {
  const [a, b] = [one, other].map(({ from, to }) => {
    let [start, end] = [from, to];
    while (start > 0 && WORD.test(before[start - 1])) start -= 1;
    while (end < before.length && WORD.test(before[end])) end += 1;
    return { start, end };
  });
  return a.start !== b.start && (a.end <= b.start || b.end <= a.start);
}

const change = (before, after) => ChangeSet.of(difference(before, after), before.length);

export function CodeEditor({ value, heard, problems, changed, label, name, readOnly, onChange, onFix }) {
  const host = useRef(null);
  const view = useRef(null);
  const timer = useRef(null); // runs while something is typed that the state was not told of
  const known = useRef(""); // the text the state has, as far as we can know
  const said = useRef([]); // our own texts since its last answer
  const count = useRef(0);
  const called = useRef({});
  called.current = { onChange, onFix };

  const send = () => {
    clearTimeout(timer.current);
    timer.current = null;
    const text = view.current.state.doc.toString();
    if (text === known.current) return;
    count.current += 1;
    called.current.onChange?.(text, known.current, count.current);
    known.current = text;
    said.current = [...said.current.slice(-REMEMBERED), text];
  };
  const flush = () => { if (timer.current) send(); };

  useEffect(() => {
    known.current = String(value ?? "");
    said.current = [];
    count.current = heard ?? 0;
    view.current = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: String(value ?? ""),
        extensions: [
          lineNumbers(), history(), drawSelection(), highlightActiveLine(), colours,
          notes((id) => { flush(); called.current.onFix?.(String(id)); }),
          EditorView.lineWrapping,
          EditorState.tabSize.of(2),
          EditorState.readOnly.of(Boolean(readOnly)),
          EditorView.contentAttributes.of({ "aria-label": label || "", spellcheck: "false", "data-testid": `code-${name}` }),
          keymap.of([...defaultKeymap, ...historyKeymap]),
          EditorView.updateListener.of((update) => {
            const ours = update.transactions.some((one) => one.isUserEvent("input") || one.isUserEvent("delete")
              || one.isUserEvent("undo") || one.isUserEvent("redo") || one.isUserEvent("move"));
            if (!update.docChanged || !ours) return;
            clearTimeout(timer.current);
            timer.current = setTimeout(send, TYPE_MS);
          }),
          EditorView.domEventHandlers({
            blur: flush,
            keydown: (event) => { if (event.key === "s" && (event.metaKey || event.ctrlKey)) flush(); }, // publishing must see it
          }),
        ],
      }),
    });
    const jump = (event) => {
      if (event.detail?.name !== name) return;
      const doc = view.current.state.doc;
      const line = doc.line(Math.min(Math.max(event.detail.line || 1, 1), doc.lines));
      view.current.dispatch({ selection: { anchor: line.to }, effects: EditorView.scrollIntoView(line.from, { y: "center" }) });
      view.current.focus();
    };
    window.addEventListener("fb:focus-line", jump);
    return () => {
      window.removeEventListener("fb:focus-line", jump);
      flush();
      view.current.destroy();
      view.current = null;
    };
  }, [name, readOnly]);

  useEffect(() => {
    const text = String(value ?? "");
    if (heard == null ? said.current.includes(text) : heard < count.current) return;
    count.current = Math.max(count.current, heard ?? 0);
    said.current = [];
    const shown = view.current.state.doc.toString();
    const before = known.current;
    known.current = text;
    if (text === shown) return;
    if (timer.current === null) view.current.dispatch({ changes: difference(shown, text) });
    else if (apart(before, difference(before, text), difference(before, shown))) { // else what is being typed wins
      view.current.dispatch({ changes: change(before, text).map(change(before, shown)) });
    }
  }, [value, heard]);

  useEffect(() => {
    view.current.dispatch({ effects: setNotes.of({ problems, changed }) });
  }, [JSON.stringify(problems), JSON.stringify(changed), value]);

  return <div ref={host} className="fb-json-code" />;
}
