// The handle of a row that can change place: dragged with the pointer, or moved with ⌥↑ and ⌥↓ from anywhere in its row.
// The rows are the children with `data-fb-row-at` of the nearest `data-fb-sortable`.
import { useEffect, useRef } from "react";

const rowsOf = (list) => [...list.querySelectorAll(":scope > [data-fb-row-at]")];

export function DragHandle({ index, count, label, onMove }) {
  const button = useRef(null);
  const state = useRef({});
  state.current = { index, count, onMove };

  const move = (to, focus) => {
    const { index: from, count: most, onMove: tell } = state.current;
    const place = Math.min(Math.max(to, 0), most - 1);
    if (place === from) return;
    const list = button.current.closest("[data-fb-sortable]");
    tell?.(String(place));
    if (focus) setTimeout(() => rowsOf(list)[place]?.querySelector(".fb-drag")?.focus(), 120);
  };

  useEffect(() => {
    const row = button.current.closest("[data-fb-row-at]");
    const keys = (event) => {
      if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
      event.preventDefault();
      event.stopPropagation();
      move(state.current.index + (event.key === "ArrowUp" ? -1 : 1), true);
    };
    row?.addEventListener("keydown", keys);
    return () => row?.removeEventListener("keydown", keys);
  }, []);

  const grab = (event) => {
    if (event.button !== 0) return;
    const list = button.current.closest("[data-fb-sortable]");
    const row = button.current.closest("[data-fb-row-at]");
    event.preventDefault();
    button.current.focus();
    button.current.setPointerCapture(event.pointerId);
    row.setAttribute("data-dragging", "");
    let place = state.current.index;
    const over = (moved) => {
      const rows = rowsOf(list);
      const middles = rows.map((one) => { const box = one.getBoundingClientRect(); return box.top + box.height / 2; });
      const before = middles.filter((middle) => middle < moved.clientY).length;
      place = before > state.current.index ? before - 1 : before;
      rows.forEach((one, at) => {
        one.toggleAttribute("data-drop-above", at === place && place < state.current.index);
        one.toggleAttribute("data-drop-below", at === place && place > state.current.index);
      });
    };
    const end = (released) => {
      button.current.removeEventListener("pointermove", over);
      button.current.removeEventListener("pointerup", end);
      button.current.removeEventListener("pointercancel", end);
      row.removeAttribute("data-dragging");
      for (const one of rowsOf(list)) { one.removeAttribute("data-drop-above"); one.removeAttribute("data-drop-below"); }
      if (released.type === "pointerup") move(place, true);
    };
    button.current.addEventListener("pointermove", over);
    button.current.addEventListener("pointerup", end);
    button.current.addEventListener("pointercancel", end);
  };

  return (
    <button type="button" ref={button} className="fb-drag" aria-label={label} title={label} onPointerDown={grab}
      aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown">
      <svg width="10" height="14" viewBox="0 0 10 14" aria-hidden="true">
        {[2.5, 7, 11.5].map((y) => [2.5, 7.5].map((x) => <circle key={`${x}${y}`} cx={x} cy={y} r="1.15" fill="currentColor" />))}
      </svg>
    </button>
  );
}
