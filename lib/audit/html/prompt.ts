/**
 * Converts a migration to SQL that can be pasted at a psql prompt, by removing its `verify` and `down` sections. Pure.
 */
import { parseOutline } from '../../compiler/read/outline';
import { SECTIONS } from '../../compiler/read/sections';

/**
 * Sections that are removed: `verify` calls functions that only a database managed by Trueup has, and `down` would
 * revert `up`.
 */
const OMITTED_SECTIONS = ['verify', 'down'];
const SECTION_MARKER = new RegExp(`^--\\s*migrate:(${SECTIONS.join('|')})\\b`);

export function formatForPrompt(text: string): string {
  const begins = parseOutline(text).comments.flatMap(({ start, end }) => {
    const section = SECTION_MARKER.exec(text.slice(start, end))?.[1];
    return section === undefined ? [] : [{ section, start }];
  });
  const kept = begins.map(({ section, start }, i) =>
    OMITTED_SECTIONS.includes(section) ? '' : text.slice(start, begins[i + 1]?.start),
  );
  return `${[text.slice(0, begins[0]?.start), ...kept].join('').trimEnd()}\n`;
}
