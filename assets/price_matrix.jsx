// The price matrix: a real grid. One cell takes the focus, arrows move it, Enter or a click picks the combination, and
// a slip beside the cell at hand says why it costs what it costs.
import { useEffect, useRef, useState } from "react";

const HOVER_MS = 180;

function Slip({ cell, at, words }) {
  const width = 290;
  const left = Math.max(8, Math.min(at.left, window.innerWidth - width - 8));
  const below = at.bottom + 8 + 170 < window.innerHeight;
  const place = below ? { top: at.bottom + 8 } : { bottom: window.innerHeight - at.top + 8 };
  return (
    <div className="fb-slip fb-slip-hover" role="tooltip" style={{ position: "fixed", left, width, ...place }}>
      <div className="fb-slip-above">
        <p className="fb-strong">{cell.name}</p>
        {cell.steps.map((step, index) => <p key={index} className="fb-small">{step}</p>)}
      </div>
      <div className="fb-slip-perforation" aria-hidden="true" />
      <div className="fb-slip-below">
        <div className="fb-slip-line"><span>{words.price}</span><span className="fb-num fb-strong">{cell.full}</span></div>
        {cell.was ? <div className="fb-slip-line fb-slip-quiet"><span>{words.live}</span><span className="fb-num">{cell.was}</span></div> : null}
        {cell.cost ? <div className="fb-slip-line fb-slip-quiet"><span>{words.cost}</span><span className="fb-num">{cell.cost}</span></div> : null}
        {cell.margin ? <div className="fb-slip-line fb-slip-quiet"><span>{words.margin}</span><span className="fb-num" data-tone={cell.status}>{cell.margin}</span></div> : null}
      </div>
    </div>
  );
}

export function PriceMatrix({ columns, rows, corner, label, picked, words, onPick }) {
  const [focus, setFocus] = useState([0, 0]);
  const [shown, setShown] = useState(null);
  const grid = useRef(null);
  const timer = useRef(null);
  const depth = rows.length;
  const breadth = columns.length;
  const [row, column] = [Math.min(focus[0], Math.max(depth - 1, 0)), Math.min(focus[1], Math.max(breadth - 1, 0))];

  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    const away = () => { clearTimeout(timer.current); setShown(null); };
    window.addEventListener("scroll", away, true);
    return () => window.removeEventListener("scroll", away, true);
  }, []);

  const hover = (element, r, c) => {
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setShown({ r, c, at: element.getBoundingClientRect() }), HOVER_MS);
  };
  const leave = () => { clearTimeout(timer.current); setShown(null); };
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const keys = (event) => {
    if (event.altKey || event.metaKey || event.ctrlKey) return;
    let next = null;
    if (steps[event.key]) next = [row + steps[event.key][0], column + steps[event.key][1]];
    if (event.key === "Home") next = [row, 0];
    if (event.key === "End") next = [row, breadth - 1];
    if (event.key === "Escape" && shown) { setShown(null); event.stopPropagation(); return; }
    if (!next) return;
    event.preventDefault();
    const to = [Math.min(Math.max(next[0], 0), depth - 1), Math.min(Math.max(next[1], 0), breadth - 1)];
    setFocus(to);
    grid.current.querySelector(`[data-at="${to[0]}-${to[1]}"]`)?.focus();
  };
  const hovered = shown && rows[shown.r]?.cells[shown.c];

  return (
    <div className="fb-matrix-scroll fb-scroll">
      <div
        ref={grid} className="fb-matrix" role="grid" aria-label={label} aria-rowcount={depth + 1} aria-colcount={breadth + 1}
        style={{ gridTemplateColumns: `minmax(64px, max-content) repeat(${breadth}, minmax(92px, 1fr))` }} onKeyDown={keys}
      >
        <div role="row" className="fb-matrix-row">
          <span role="columnheader" className="fb-matrix-corner fb-cut" title={corner}>{corner}</span>
          {columns.map((name, c) => <span key={c} role="columnheader" className="fb-matrix-column fb-mono fb-cut" title={name}>{name}</span>)}
        </div>
        {rows.map((line, r) => (
          <div key={r} role="row" className="fb-matrix-row">
            <span role="rowheader" className="fb-matrix-name fb-mono fb-cut" title={line.name}>{line.name}</span>
            {line.cells.map((cell, c) => (
              <div
                key={c} role="gridcell" data-at={`${r}-${c}`} data-status={cell.status} data-testid="matrix-cell"
                tabIndex={r === row && c === column ? 0 : -1} aria-label={cell.spoken} aria-selected={cell.key === picked}
                className="fb-matrix-cell" onClick={() => { setFocus([r, c]); onPick?.(cell.key); }}
                onKeyDown={(event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); onPick?.(cell.key); } }}
                onFocus={(event) => { if (event.target.matches(":focus-visible")) hover(event.currentTarget, r, c); }}
                onBlur={leave} onMouseEnter={(event) => hover(event.currentTarget, r, c)} onMouseLeave={leave}
              >
                <span className="fb-matrix-top">
                  <span className="fb-matrix-price fb-num">{cell.price}</span>
                  <span className="fb-matrix-margin fb-num">
                    {cell.status === "loss" ? (
                      <svg width="11" height="11" viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden="true">
                        <path d="m21.73 18-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3M12 9v4M12 17h.01" />
                      </svg>
                    ) : null}
                    {cell.margin}
                  </span>
                </span>
                <span className="fb-matrix-cost fb-num">{cell.cost}</span>
              </div>
            ))}
          </div>
        ))}
      </div>
      {hovered ? <Slip cell={hovered} at={shown.at} words={words} /> : null}
    </div>
  );
}
