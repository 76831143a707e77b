// Files as inputs: chosen, dropped or pasted from this machine and sent to /uploads, or an https address. The state
// gets an id or an address; nothing is fetched from anywhere else.
import { useRef, useState } from "react";

const isId = (value) => value.startsWith("file_");
const host = (address) => { try { return new URL(address).hostname; } catch { return address; } };

function Preview({ item, words, onRemove }) {
  const shown = isId(item.value) && item.kind !== "audio";
  return (
    <li className="fb-file">
      <span className="fb-file-picture" data-kind={item.kind}>
        {shown ? <img src={`/files/${item.value}?thumb=1`} alt="" loading="lazy" /> : <span>{item.kind === "audio" ? "♪" : "↗"}</span>}
      </span>
      <span className="fb-file-words">
        <span className="fb-cut fb-medium" title={isId(item.value) ? item.label : item.value}>
          {isId(item.value) ? item.label : host(item.value)}
        </span>
        <span className="fb-small fb-cut fb-num">{isId(item.value) ? item.detail : words.address}</span>
      </span>
      <button type="button" className="fb-icon-button" title={words.remove} aria-label={`${words.remove}: ${item.label}`} onClick={() => onRemove(item.value)}>
        <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" className="fb-line-icon"><path d="M4 4l8 8M12 4l-8 8" /></svg>
      </button>
    </li>
  );
}

export function FileField({ items = [], most = 1, accept, label, fieldId, words, invalid, onAdd, onRemove }) {
  const [busy, setBusy] = useState(0);
  const [trouble, setTrouble] = useState("");
  const [over, setOver] = useState(false);
  const [address, setAddress] = useState("");
  const chooser = useRef(null);
  const room = most - items.length;

  const upload = async (file) => {
    setBusy((n) => n + 1);
    try {
      const form = new FormData();
      form.append("file", file, file.name);
      const answer = await fetch("/uploads", { method: "POST", body: form, credentials: "same-origin" });
      const said = await answer.json().catch(() => null);
      if (!answer.ok) throw new Error(said?.error?.message || words.failed);
      onAdd?.(said.id, file.name.slice(0, 120));
    } catch (error) {
      setTrouble(error instanceof TypeError ? words.failed : error.message);
    } finally {
      setBusy((n) => n - 1);
    }
  };
  const take = async (files) => {
    setTrouble("");
    for (const file of [...files].slice(0, room)) await upload(file);
  };
  const addAddress = () => {
    const text = address.trim();
    if (!text) return;
    if (!/^https:\/\/[^\s/]+/i.test(text)) { setTrouble(words.httpsOnly); return; }
    setTrouble("");
    setAddress("");
    onAdd?.(text, "");
  };
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer.files.length) take(event.dataTransfer.files);
  };
  const paste = (event) => {
    if (event.clipboardData?.files?.length) { event.preventDefault(); take(event.clipboardData.files); }
  };

  return (
    <div className="fb-files" data-over={over} aria-busy={busy > 0}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)} onDrop={drop} onPaste={paste}>
      {items.length ? <ul className="fb-file-list">{items.map((item) => <Preview key={item.value} item={item} words={words} onRemove={onRemove} />)}</ul> : null}
      {room > 0 ? (
        <div className="fb-file-new" data-invalid={invalid ? "true" : "false"}>
          <input ref={chooser} id={fieldId} type="file" accept={accept} multiple={most > 1} className="fb-sr" tabIndex={-1} aria-label={label}
            onChange={(event) => { take(event.target.files); event.target.value = ""; }} />
          <button type="button" className="fb-button fb-outline fb-size-small" data-busy={busy > 0 ? "true" : "false"} onClick={() => chooser.current?.click()}>
            {busy > 0 ? words.sending : words.choose}
          </button>
          <input type="url" className="fb-input-bare" placeholder={words.paste} aria-label={`${label}: ${words.paste}`} value={address}
            onChange={(event) => setAddress(event.target.value)} onBlur={addAddress}
            onKeyDown={(event) => { if (event.key === "Enter") { event.preventDefault(); addAddress(); } }} />
        </div>
      ) : null}
      {trouble ? <p className="fb-field-error" role="alert">{trouble}</p> : null}
    </div>
  );
}
