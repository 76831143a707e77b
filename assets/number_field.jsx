// A slider and an input for one figure. What is being typed or dragged lives here; the state hears of it at most every
// 60 ms while sliding and 150 ms after a key, and its own figure is shown again once the field is at rest.
import { useEffect, useRef, useState } from "react";

const SLIDE_MS = 60;
const TYPE_MS = 150;
const REST_MS = 400;

const parse = (text) => {
  const figure = Number(String(text).trim().replace(",", "."));
  return String(text).trim() === "" || !Number.isFinite(figure) ? null : figure;
};

const decimals = (step) => (String(step).split(".")[1] || "").length;

function clamp(figure, { minimum, maximum, step }) {
  const low = parse(minimum ?? "");
  const high = parse(maximum ?? "");
  const size = parse(step ?? "") || 0;
  let held = figure;
  if (size > 0) {
    const from = low ?? 0;
    held = from + Math.round((held - from) / size) * size;
    held = Number(held.toFixed(Math.max(decimals(size), decimals(from))));
  }
  if (low !== null && held < low) held = low;
  if (high !== null && held > high) held = high;
  return held;
}

export function NumberField(props) {
  const { value, minimum, maximum, step = 1, label, disabled, unit, slider = true, onChange } = props;
  const [draft, setDraft] = useState(String(value ?? ""));
  const busy = useRef(false);
  const timer = useRef(null);
  const rest = useRef(null);
  const last = useRef({ at: 0, sent: String(value ?? "") });

  useEffect(() => {
    last.current.sent = String(value ?? "");
    if (!busy.current) setDraft(String(value ?? ""));
  }, [value]);
  useEffect(() => () => { clearTimeout(timer.current); clearTimeout(rest.current); }, []);

  const send = (text) => {
    clearTimeout(timer.current);
    timer.current = null;
    if (text === last.current.sent) return;
    last.current = { at: Date.now(), sent: text };
    onChange?.(text);
  };
  const settle = () => {
    clearTimeout(rest.current);
    rest.current = setTimeout(() => { busy.current = false; }, REST_MS);
  };
  const hold = () => { busy.current = true; clearTimeout(rest.current); };

  const slide = (event) => {
    hold();
    const text = event.target.value;
    setDraft(text);
    const wait = SLIDE_MS - (Date.now() - last.current.at);
    clearTimeout(timer.current);
    if (wait <= 0) send(text);
    else timer.current = setTimeout(() => send(text), wait);
    settle();
  };
  const type = (event) => {
    hold();
    const text = event.target.value;
    setDraft(text);
    clearTimeout(timer.current);
    const figure = parse(text);
    if (figure !== null && clamp(figure, props) === figure)
      timer.current = setTimeout(() => send(String(figure)), TYPE_MS);
  };
  const leave = () => {
    const figure = parse(draft);
    const text = figure === null ? last.current.sent : String(clamp(figure, props));
    setDraft(text);
    send(text);
    settle();
  };
  const nudge = (event) => {
    if (event.key === "Enter") leave();
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
    event.preventDefault();
    hold();
    const size = (parse(step) || 1) * (event.shiftKey ? 10 : 1);
    const text = String(clamp((parse(draft) ?? parse(minimum) ?? 0) + (event.key === "ArrowUp" ? size : -size), props));
    setDraft(text);
    send(text);
    settle();
  };

  const ranged = slider && maximum !== undefined && maximum !== null && maximum !== "";
  const low = parse(minimum ?? 0) ?? 0;
  const high = parse(maximum ?? 0) ?? 0;
  const at = Math.min(high, Math.max(low, parse(draft) ?? low));
  const share = high > low ? ((at - low) / (high - low)) * 100 : 0;

  return (
    <div className={`fb-number${ranged ? "" : " fb-number-alone"}`}>
      {ranged && (
        <input
          type="range" className="fb-range" min={low} max={high} step={step || "any"} value={at} disabled={disabled}
          aria-label={label} style={{ "--fb-share": `${share}%` }} onChange={slide} onPointerUp={settle}
        />
      )}
      <span className="fb-input fb-input-box">
        <input
          type="text" inputMode="decimal" className="fb-input-bare fb-num" value={draft} disabled={disabled}
          aria-label={label} role="spinbutton" aria-valuenow={parse(draft) ?? undefined}
          aria-valuemin={parse(minimum ?? "") ?? undefined} aria-valuemax={parse(maximum ?? "") ?? undefined}
          onFocus={hold} onChange={type} onBlur={leave} onKeyDown={nudge}
        />
        {unit ? <span className="fb-input-after">{unit}</span> : null}
      </span>
    </div>
  );
}
