/** A migration as it can be pasted at a prompt: without the sections that prove it and that undo it. Pure. */
import { outlineOf } from '../../compiler/read/outline';
import { SECTIONS } from '../../compiler/read/sections';

/** `verify` calls functions that only a migrated database has, and `down` would take back what `up` did. */
const LEFT_OUT = ['verify', 'down'];
const MARKER = new RegExp(`^--\\s*migrate:(${SECTIONS.join('|')})\\b`);

export function forPrompt(text: string): string {
  const begins = outlineOf(text).comments.flatMap(({ start, end }) => {
    const section = MARKER.exec(text.slice(start, end))?.[1];
    return section === undefined ? [] : [{ section, start }];
  });
  const kept = begins.map(({ section, start }, i) =>
    LEFT_OUT.includes(section) ? '' : text.slice(start, begins[i + 1]?.start),
  );
  return `${[text.slice(0, begins[0]?.start), ...kept].join('').trimEnd()}\n`;
}
