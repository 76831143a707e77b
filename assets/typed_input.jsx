// A text field whose typing lives in the browser: the state hears of it shortly after the last key and on leaving, and
// an answer that is older than what stands in the field never replaces it.
import { useEffect, useRef, useState } from "react";

const REST_MS = 600;

export function TypedInput(props) {
  const { value, label, labelledBy, placeholder, disabled, invalid, describedBy, multiline, rows, mono, onChange } = props;
  const { id, name, inputMode, maxLength, before, after, quiet, delay = 220 } = props;
  const [draft, setDraft] = useState(String(value ?? ""));
  const typed = useRef(draft);
  const known = useRef(draft); // what the state said last
  const sent = useRef(draft);
  const timer = useRef(null);
  const rest = useRef(null);
  const busy = useRef(false); // while the field has the focus, and a moment longer, only the person writes in it

  const adopt = () => {
    typed.current = known.current;
    sent.current = known.current;
    setDraft(known.current);
  };
  useEffect(() => {
    known.current = String(value ?? "");
    if (!busy.current) adopt();
  }, [value]);
  useEffect(() => () => { clearTimeout(timer.current); clearTimeout(rest.current); }, []);

  const send = () => {
    clearTimeout(timer.current);
    timer.current = null;
    if (typed.current === sent.current) return;
    sent.current = typed.current;
    onChange?.(typed.current);
  };
  const hold = () => { clearTimeout(rest.current); busy.current = true; };
  const leave = () => {
    send();
    clearTimeout(rest.current);
    rest.current = setTimeout(() => { busy.current = false; adopt(); }, REST_MS);
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
  const bare = boxed ? "fb-input-bare" : `fb-input${multiline ? " fb-textarea" : ""}${quiet ? " fb-input-quiet" : ""}`;
  const field = (
    <Tag
      id={id || undefined} name={name || undefined} value={draft} placeholder={placeholder} disabled={disabled || undefined}
      rows={multiline ? rows || 3 : undefined} inputMode={inputMode || undefined} maxLength={maxLength || undefined}
      className={`${bare}${mono ? " fb-mono" : ""} fb-num`} autoComplete="off" spellCheck={multiline ? undefined : "false"}
      aria-label={label || undefined} aria-labelledby={labelledBy || undefined} aria-invalid={invalid ? "true" : undefined}
      aria-describedby={describedBy || undefined} data-testid={props.testId || undefined}
      onFocus={hold} onChange={type} onBlur={leave} onKeyDown={press}
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
