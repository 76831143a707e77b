// A text field whose typing lives in the browser: the state hears of it shortly after the last key and on leaving, and
// an answer that is older than what stands in the field never replaces it. A text the state gives by itself, such as
// when filters are cleared, is shown as soon as nobody writes here.
import { useEffect, useRef, useState } from "react";

const REST_MS = 600;
const PATIENCE_MS = 5000; // for an answer; a text the state refused without a word stands no longer than this

export function TypedInput(props) {
  const { value, label, labelledBy, placeholder, disabled, invalid, describedBy, multiline, rows, mono, onChange } = props;
  const { id, name, inputMode, maxLength, before, after, quiet, kind, delay = 220 } = props;
  const [draft, setDraft] = useState(String(value ?? ""));
  const typed = useRef(draft);
  const known = useRef(draft); // what the state said last
  const sent = useRef(draft);
  const awaited = useRef([]); // what was sent and has not come back yet
  const timer = useRef(null);
  const rest = useRef(null);
  const focused = useRef(false);
  const busy = useRef(false); // while the field has the focus, and a moment longer, only the person writes in it

  const adopt = () => {
    typed.current = known.current;
    sent.current = known.current;
    awaited.current = [];
    setDraft(known.current);
  };
  useEffect(() => {
    known.current = String(value ?? "");
    const echo = awaited.current.indexOf(known.current);
    awaited.current.splice(0, Math.max(echo + 1, 1)); // the state may say it in its own way
    if (!busy.current || (!focused.current && echo < 0)) adopt();
  }, [value]);
  useEffect(() => () => { if (timer.current) send(); clearTimeout(rest.current); }, []); // its last letters as well

  const send = () => {
    clearTimeout(timer.current);
    timer.current = null;
    if (typed.current === sent.current) return;
    sent.current = typed.current;
    awaited.current.push(typed.current);
    onChange?.(typed.current);
  };
  const hold = () => { clearTimeout(rest.current); busy.current = true; };
  const settle = (end) => {
    if (awaited.current.length && Date.now() < end) {
      rest.current = setTimeout(settle, REST_MS, end);
      return;
    }
    busy.current = false;
    adopt();
  };
  const enter = () => { focused.current = true; hold(); };
  const leave = () => {
    focused.current = false;
    send();
    clearTimeout(rest.current);
    rest.current = setTimeout(settle, REST_MS, Date.now() + PATIENCE_MS);
  };
  const type = (event) => {
    hold();
    typed.current = event.target.value;
    setDraft(typed.current);
    clearTimeout(timer.current);
    timer.current = setTimeout(send, delay);
  };
  const press = (event) => {
    if (event.key === "Enter" && !multiline) send();
    if (event.key === "s" && (event.metaKey || event.ctrlKey)) send(); // publishing must see the last letter
  };
  const Tag = multiline ? "textarea" : "input";
  const boxed = Boolean(before || after);
  const search = kind === "search";
  const own = `fb-input${multiline ? " fb-textarea" : ""}${quiet ? " fb-input-quiet" : ""}`;
  const bare = boxed || search ? "fb-input-bare" : own;
  const field = (
    <Tag
      id={id || undefined} name={name || undefined} type={kind || undefined}
      value={draft} placeholder={placeholder} disabled={disabled || undefined}
      rows={multiline ? rows || 3 : undefined} inputMode={inputMode || undefined} maxLength={maxLength || undefined}
      className={`${bare}${mono ? " fb-mono" : ""} fb-num`} autoComplete="off" spellCheck={multiline ? undefined : "false"}
      aria-label={label || undefined} aria-labelledby={labelledBy || undefined} aria-invalid={invalid ? "true" : undefined}
      aria-describedby={describedBy || undefined} data-testid={props.testId || undefined}
      data-fb-filter={search ? "" : undefined} onFocus={enter} onChange={type} onBlur={leave} onKeyDown={press}
    />
  );
  if (!boxed) return field;
  return (
    <span className="fb-input fb-input-box">
      {before ? <span className="fb-input-before">{before}</span> : null}
      {field}
      {after ? <span className="fb-input-after">{after}</span> : null}
    </span>
  );
}
