// Pictures of one request: the chosen one large, the others beside it, any of them in full size with the arrow keys.
import { useEffect, useState } from "react";
import { Dialog } from "@radix-ui/themes";

const Expand = () => <svg viewBox="0 0 24 24" width="15" height="15" aria-hidden="true" className="fb-line-icon"><path d="M15 3h6v6M21 3l-7 7M9 21H3v-6M3 21l7-7" /></svg>;
const Save = () => <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true" className="fb-line-icon"><path d="M12 15V3M7 10l5 5 5-5M21 15v4a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-4" /></svg>;
const Cross = () => <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" className="fb-line-icon"><path d="M4 4l8 8M12 4l-8 8" /></svg>;
const Arrow = ({ left }) => <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true" className="fb-line-icon"><path d={left ? "m15 18-6-6 6-6" : "m9 18 6-6-6-6"} /></svg>;

const place = (words, index, total) => words.place.replace("{number}", index + 1).replace("{total}", total);
const caption = (words, item, index, total) => [total > 1 ? place(words, index, total) : "", item.size].filter(Boolean).join(" · ");

export function MediaViewer({ items = [], of, first = 0, alt, words }) {
  const [at, setAt] = useState(first);
  const [open, setOpen] = useState(false);
  useEffect(() => { setAt(first); setOpen(false); }, [of]);
  const index = Math.min(at, items.length - 1);
  const item = items[index];
  if (!item) return null;
  const step = (by) => setAt((index + by + items.length) % items.length);
  const keys = (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    step(event.key === "ArrowLeft" ? -1 : 1);
  };
  const name = items.length > 1 ? `${alt}, ${place(words, index, items.length)}` : alt;

  return (
    <div className="fb-viewer" data-many={items.length > 1}>
      <figure className="fb-viewer-main">
        <button type="button" className="fb-viewer-open" aria-label={words.full} onClick={() => setOpen(true)} onKeyDown={keys} data-testid="result-open">
          <img key={item.id} src={item.url} alt={name} data-testid="result-image" />
        </button>
        <figcaption className="fb-viewer-caption fb-num">{caption(words, item, index, items.length)}</figcaption>
        <span className="fb-viewer-actions">
          <button type="button" className="fb-viewer-button" title={words.full} aria-label={words.full} onClick={() => setOpen(true)}><Expand /></button>
          <a className="fb-viewer-button" href={item.download} download title={words.download} aria-label={words.download}><Save /></a>
        </span>
      </figure>
      {items.length > 1 ? (
        <div className="fb-viewer-thumbs fb-scroll" role="group" aria-label={words.outputs}>
          {items.map((one, number) => (
            <button key={one.id} type="button" className="fb-viewer-thumb" aria-pressed={number === index}
              aria-label={place(words, number, items.length)} onClick={() => setAt(number)} onKeyDown={keys}>
              <img src={one.thumb} alt="" loading="lazy" />
            </button>
          ))}
        </div>
      ) : null}
      <Dialog.Root open={open} onOpenChange={setOpen}>
        <Dialog.Content className="fb-lightbox" aria-describedby={undefined} onKeyDown={keys}>
          <Dialog.Title className="fb-sr">{alt}</Dialog.Title>
          <img src={item.url} alt={name} />
          <span className="fb-lightbox-bar fb-num">
            <span>{caption(words, item, index, items.length)}</span>
            <a href={item.download} download className="fb-lightbox-button" title={words.download} aria-label={words.download}><Save /></a>
            <Dialog.Close><button type="button" className="fb-lightbox-button" title={words.close} aria-label={words.close}><Cross /></button></Dialog.Close>
          </span>
          {items.length > 1 ? (
            <>
              <button type="button" className="fb-lightbox-button fb-lightbox-left" aria-label={words.previous} onClick={() => step(-1)}><Arrow left /></button>
              <button type="button" className="fb-lightbox-button fb-lightbox-right" aria-label={words.next} onClick={() => step(1)}><Arrow /></button>
            </>
          ) : null}
        </Dialog.Content>
      </Dialog.Root>
    </div>
  );
}
