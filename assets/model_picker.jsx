// Which model: a button that opens a list with search and modality tabs. Everything happens here; the state is told
// the alias that was chosen.
import { useEffect, useMemo, useRef, useState } from "react";
import { Popover } from "@radix-ui/themes";

const MARKS = { fal: "fal", replicate: "R", kie: "kie", openai_compatible: "AI", sandbox: "S" };

const Tile = ({ children, className = "", ...rest }) => <span className={`fb-tile ${className}`} aria-hidden="true" {...rest}>{children}</span>;

export function ModelPicker({ models = [], chosen, words, onChoose }) {
  const [open, setOpen] = useState(false);
  const [search, setSearch] = useState("");
  const [tab, setTab] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  const current = models.find((model) => model.alias === chosen);

  const tabs = useMemo(() => [...new Set(models.map((model) => model.modality))], [models]);
  const found = useMemo(() => {
    const wanted = search.toLowerCase().split(/\s+/).filter(Boolean);
    return models.filter((model) => {
      const text = `${model.alias} ${model.title} ${model.description} ${model.provider}`.toLowerCase();
      return (!tab || model.modality === tab) && wanted.every((word) => text.includes(word));
    });
  }, [models, search, tab]);

  useEffect(() => {
    if (!open) return;
    setSearch("");
    setTab("");
    setAt(Math.max(0, models.findIndex((model) => model.alias === chosen)));
  }, [open]);
  useEffect(() => {
    list.current?.querySelector('[data-at="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at, open, found]);

  const choose = (alias) => { setOpen(false); if (alias !== chosen) onChoose?.(alias); };
  const keys = (event) => {
    const last = found.length - 1;
    const moves = { ArrowDown: at + 1, ArrowUp: at - 1, Home: event.target.value ? null : 0, End: event.target.value ? null : last, PageDown: at + 6, PageUp: at - 6 };
    if (event.key === "Enter") {
      event.preventDefault();
      if (found[at]) choose(found[at].alias);
    } else if (moves[event.key] !== undefined && moves[event.key] !== null) {
      event.preventDefault();
      setAt(Math.min(last, Math.max(0, moves[event.key])));
    }
  };
  const narrow = (change) => { change(); setAt(0); };

  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger>
        <button type="button" className="fb-picker" aria-label={`${words.label}: ${current?.title ?? words.none}`} data-testid="model-picker">
          <Tile className="fb-tile-model">{current?.letter ?? "·"}</Tile>
          <span className="flex flex-col flex-1 min-w-0 text-left">
            <span className="fb-strong fb-cut">{current?.title ?? words.none}</span>
            <span className="fb-small fb-cut">{current ? current.detail : words.choose}</span>
          </span>
          {current?.price ? <span className="fb-chip fb-num">{current.price}</span> : null}
          <svg viewBox="0 0 24 24" width="15" height="15" aria-hidden="true" className="fb-line-icon"><path d="m7 15 5 5 5-5M7 9l5-5 5 5" /></svg>
        </button>
      </Popover.Trigger>
      <Popover.Content className="fb-popover fb-picker-panel" align="start" sideOffset={6} onOpenAutoFocus={(event) => {
        event.preventDefault();
        document.getElementById("model-search")?.focus();
      }}>
        <input id="model-search" className="fb-picker-search" type="search" placeholder={words.search} autoComplete="off" spellCheck={false}
          role="combobox" aria-expanded="true" aria-controls="model-list" aria-label={words.search}
          aria-activedescendant={found[at] ? `model-${found[at].alias}` : undefined}
          value={search} onChange={(event) => narrow(() => setSearch(event.target.value))} onKeyDown={keys} />
        <div className="fb-picker-tabs" role="group" aria-label={words.modality}>
          {["", ...tabs].map((one) => (
            <button key={one} type="button" className="fb-picker-tab" aria-pressed={tab === one} onClick={() => narrow(() => setTab(one))}>
              {one ? words.modalities[one] ?? one : words.all}
            </button>
          ))}
        </div>
        <ul id="model-list" role="listbox" aria-label={words.label} className="fb-picker-list fb-scroll" ref={list}>
          {found.map((model, index) => (
            <li key={model.alias} id={`model-${model.alias}`} role="option" aria-selected={model.alias === chosen} data-at={index === at}
              className="fb-picker-row" title={model.description} onMouseMove={() => setAt(index)} onClick={() => choose(model.alias)}>
              <Tile className="fb-tile-small" data-kind={model.kind}>{MARKS[model.kind] ?? "·"}</Tile>
              <span className="flex flex-col flex-1 min-w-0">
                <span className="fb-medium fb-cut">{model.title}</span>
                <span className="fb-small fb-cut">{model.detail}</span>
              </span>
              <span className="fb-small fb-num fb-nowrap">{model.price}</span>
            </li>
          ))}
        </ul>
        {found.length ? null : <p className="fb-picker-nothing" role="status">{words.nothing}</p>}
      </Popover.Content>
    </Popover.Root>
  );
}
