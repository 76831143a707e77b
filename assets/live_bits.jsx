// Small things that move by themselves between two answers of the server: a job's bar and clock, a slow look for news,
// and a polite voice for screen readers.
import { useEffect, useRef, useState } from "react";

const MOST = 96; // a bar that is only a guess never looks finished
const seconds = (figure) => (figure < 60 ? `${Math.floor(figure)} s` : `${Math.floor(figure / 60)}:${String(Math.floor(figure % 60)).padStart(2, "0")}`);

// How far a job is: the provider's own percentage, else the time gone by against the usual time.
export function JobClock({ percent, elapsed, about, running, words, label }) {
  const started = useRef(0);
  const [now, setNow] = useState(0);
  useEffect(() => {
    started.current = Date.now() - Number(elapsed || 0) * 1000;
    setNow(Date.now());
  }, [elapsed]);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const gone = now ? Math.max(0, (now - started.current) / 1000) : Number(elapsed || 0);
  const usual = Number(about || 0);
  const known = percent !== "" && percent !== null && percent !== undefined;
  const guess = running && usual > 0 ? Math.min(MOST, (gone / usual) * 100) : 0;
  const share = known ? Number(percent) : guess;
  const time = usual > 0 ? words.about.replace("{gone}", seconds(gone)).replace("{usual}", seconds(Math.max(1, Math.round(usual)))) : seconds(gone);
  return (
    <>
      <span className="fb-job-time fb-num">{known ? `${percent}% · ${time}` : time}</span>
      <span className="fb-job-bar" role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100}
        aria-valuenow={known || guess ? Math.round(share) : undefined}>
        <span style={{ width: `${share}%` }} />
      </span>
    </>
  );
}

// Calls every so often while it stands in the page: for when a push was missed.
export function Pulse({ ms = 4000, onBeat }) {
  const beat = useRef(onBeat);
  beat.current = onBeat;
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden) beat.current?.(); }, ms);
    return () => clearInterval(timer);
  }, [ms]);
  return null;
}

// A sentence for screen readers, changed at most once a second and only to the latest.
export function PoliteText({ text }) {
  const [said, setSaid] = useState("");
  const next = useRef("");
  const timer = useRef(null);
  useEffect(() => {
    next.current = text ?? "";
    if (timer.current !== null) return;
    timer.current = setTimeout(() => { timer.current = null; setSaid(next.current); }, 1000);
  }, [text]);
  useEffect(() => () => clearTimeout(timer.current), []);
  return <p className="fb-sr" role="status" aria-live="polite" aria-atomic="true">{said}</p>;
}
