// A text of one line or several with its label and a counter. What is being typed lives here; the state hears of it
// 200 ms after the last key, on leaving the field and before ⌘↵. Its own echo never moves the cursor.
import { useEffect, useRef, useState } from "react";

const REST_MS = 200;
const count = (text) => [...text].length;

export function DraftText(props) {
  const { value, title, hint, fieldId, placeholder, longest, lines = 1, invalid, dice, diceLabel, clearLabel, numeric, onChange } = props;
  const [draft, setDraft] = useState(value ?? "");
  const sent = useRef([]);
  const timer = useRef(null);
  const latest = useRef(draft);

  useEffect(() => {
    const at = sent.current.indexOf(value ?? "");
    if (at >= 0) { sent.current.splice(0, at + 1); return; } // what we said ourselves, come back
    clearTimeout(timer.current);
    latest.current = value ?? "";
    setDraft(value ?? "");
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);

  const send = (text) => {
    clearTimeout(timer.current);
    timer.current = null;
    const last = sent.current.length ? sent.current[sent.current.length - 1] : value ?? "";
    if (text === last) return;
    sent.current.push(text);
    onChange?.(text);
  };
  const type = (event) => {
    const text = numeric ? event.target.value.replace(/[^\d-]/g, "") : event.target.value;
    latest.current = text;
    setDraft(text);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => send(text), REST_MS);
  };
  const flush = () => { if (timer.current !== null) send(latest.current); };
  const keys = (event) => {
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey || lines === 1)) flush();
  };
  const put = (text) => { latest.current = text; setDraft(text); send(text); };
  const roll = () => put(String(Math.floor(Math.random() * 2147483647)));

  const over = longest > 0 && count(draft) > longest;
  const shared = {
    id: fieldId, value: draft, placeholder, onChange: type, onBlur: flush, onKeyDown: keys,
    "aria-invalid": invalid || over ? "true" : undefined, spellCheck: !numeric,
  };
  return (
    <>
      <div className="flex items-center gap-2 min-w-0 fb-field-head">
        <label className="fb-field-name" htmlFor={fieldId}>
          <span className="fb-label">{title}</span>
          {hint ? <span className="fb-field-hint">{hint}</span> : null}
        </label>
        {longest > 0 ? (
          <span className={`fb-field-aside${over ? " fb-loss" : ""}`}>
            {count(draft).toLocaleString("en-US")} / {Number(longest).toLocaleString("en-US")}
          </span>
        ) : null}
      </div>
      {lines > 1 ? (
        <textarea {...shared} rows={lines} className="fb-input fb-textarea fb-play-text" />
      ) : (
        <span className="fb-input fb-input-box">
          <input {...shared} type="text" inputMode={numeric ? "numeric" : "text"} autoComplete="off"
            className={`fb-input-bare${numeric ? " fb-num" : ""}`} />
          {dice && draft !== "" ? (
            <button type="button" className="fb-play-inline" title={clearLabel} aria-label={clearLabel} onClick={() => put("")}>
              <svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8" /></svg>
            </button>
          ) : null}
          {dice ? (
            <button type="button" className="fb-play-inline" title={diceLabel} aria-label={diceLabel} onClick={roll}>
              <svg viewBox="0 0 24 24" width="15" height="15" aria-hidden="true">
                <rect x="2.5" y="9.5" width="12" height="12" rx="2.5" /><path d="M8.6 9.4 13 3.6a2 2 0 0 1 2.8-.4l5 3.8a2 2 0 0 1 .4 2.8l-4.6 6.1" />
                <path d="M6.4 17.6h.01M10.6 13.4h.01M16 8.2h.01" />
              </svg>
            </button>
          ) : null}
        </span>
      )}
    </>
  );
}
