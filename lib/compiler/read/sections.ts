/** Splits a file into its description, its directives and its sections, by the `-- migrate:` comments. */

import type { FileName } from './file-name';
import { findNearest } from './nearest';
import { type Comment, type Outline, parseOutline, trimToCode } from './outline';
import type { Source } from './source';

export const SECTIONS = ['preflight', 'up', 'verify', 'down', 'batch'] as const;
export type SectionName = (typeof SECTIONS)[number];

const DIRECTIVES = ['consent', 'decide', 'history', 'no-verify', 'supersedes', 'settings'] as const;
export type DirectiveName = (typeof DIRECTIVES)[number];

export interface FileSection {
  /** Offset of the section's marker. */
  readonly marker: number;
  /** Ranges from the end of the marker's line to the next marker. Only dbmate files may have several. */
  readonly parts: readonly SectionPart[];
}

export interface SectionPart {
  readonly start: number;
  readonly end: number;
}

export interface Directive {
  readonly name: DirectiveName;
  /** The rest of the line after the name. */
  readonly value: string;
  readonly at: number;
}

export interface FileLayout {
  readonly outline: Outline;
  readonly description: string;
  readonly sections: ReadonlyMap<SectionName, FileSection>;
  readonly directives: readonly Directive[];
  /**
   * Whether nothing in the file is specific to Trueup: it has only dbmate's sections, and a name as `dbmate new`
   * creates it.
   */
  readonly plainDbmate: boolean;
  /** Whether a marker is mistyped, so that a section may only appear to be missing. */
  readonly mistyped: boolean;
}

/** Deliberately loose: a mistyped marker must not pass as an ordinary comment. */
const MARKER = /^--+\s*migrate\s*:\s*([\w-]*)(.*)$/is;
const EXACT_MARKER = /^--\s*migrate:([a-z-]+)(?:\s(.*))?$/s;

export function readLayout(source: Source, { version }: Pick<FileName, 'version'>): FileLayout {
  const { text } = source;
  const outline = parseOutline(text);
  const sections = new Map<SectionName, FileSection>();
  const directives: Directive[] = [];
  let current: { name: SectionName; marker: number; start: number } | undefined;
  let firstMarker = text.length;
  let mistyped = false;

  const close = (end: number): void => {
    if (current) {
      const known = sections.get(current.name);
      const parts = [...(known?.parts ?? []), { start: current.start, end }];
      sections.set(current.name, { marker: known?.marker ?? current.marker, parts });
    }
    current = undefined;
  };

  const markers = outline.comments.flatMap((comment) => {
    const marker = readMarker(source, comment);
    return marker ? [{ ...marker, comment }] : [];
  });
  const plainDbmate =
    version.length === 14 &&
    markers.some(({ name }) => name === 'up') &&
    markers.every(({ name }) => name === 'up' || name === 'down' || name === 'history');

  for (const { comment, ...marker } of markers) {
    firstMarker = Math.min(firstMarker, comment.start);
    const { name, value } = marker;
    if (isDirective(name)) {
      if (current && current.name !== 'up' && current.name !== 'batch')
        source.report(
          comment.start,
          `\`migrate:${name}\` has no meaning in the section \`${current.name}\``,
          'Move it before the first section, or into `up`.',
        );
      directives.push({ name, value, at: comment.start });
    } else if (isSection(name)) {
      close(comment.start);
      if (sections.has(name) && plainDbmate)
        source.warn(
          comment.start,
          `the section \`${name}\` appears twice`,
          'Both are read as one, as dbmate does since 2.29; older versions ignore what comes after the first `down`.',
        );
      if (sections.has(name) && !plainDbmate)
        source.report(
          comment.start,
          `the section \`${name}\` appears twice`,
          'Join the two: a file has each section once.',
        );
      else current = { name, marker: comment.start, start: comment.end };
    } else {
      mistyped = true;
      source.report(comment.start, `\`migrate:${name}\` is not known`, suggestNames(name));
    }
  }
  close(text.length);
  refuseCodeBeforeSections(source, outline, sections);
  reportMetaCommands(source, outline);
  const description = readDescription(text, outline.comments, firstMarker);
  return { outline, description, sections, directives, plainDbmate, mistyped };
}

function readMarker(source: Source, comment: Comment): { name: string; value: string } | undefined {
  const line = source.text.slice(comment.start, comment.end);
  const loose = MARKER.exec(line);
  if (!loose) return undefined;
  if (!comment.ownLine) {
    source.report(
      comment.start,
      'a `migrate:` comment must be on a separate line',
      'Move it to its own line, or word the comment differently.',
    );
    return undefined;
  }
  const exact = EXACT_MARKER.exec(line);
  if (exact) return { name: exact[1]!, value: exact[2]?.trim() ?? '' };
  const name = loose[1]!.toLowerCase();
  if (!isSection(name) && !isDirective(name)) return { name: loose[1]!, value: '' };
  source.report(
    comment.start,
    `\`${line.trim().slice(0, 40)}\` is not a valid marker`,
    `Write \`-- migrate:${name}\`: lower case, no space around the colon.`,
  );
  return { name, value: loose[2]!.trim() };
}

const isSection = (name: string): name is SectionName => SECTIONS.includes(name as SectionName);
const isDirective = (name: string): name is DirectiveName => DIRECTIVES.includes(name as DirectiveName);

function suggestNames(name: string): string {
  const known = findNearest(name, [...SECTIONS, ...DIRECTIVES]);
  const all = `Sections are ${SECTIONS.join(', ')}; directives are ${DIRECTIVES.join(', ')}.`;
  return known ? `Did you mean \`migrate:${known}\`? ${all}` : all;
}

function refuseCodeBeforeSections(
  source: Source,
  { sql, comments }: Outline,
  sections: ReadonlyMap<SectionName, FileSection>,
): void {
  const first = Math.min(sql.length, ...[...sections.values()].map((section) => section.marker));
  const [start, end] = trimToCode(sql, comments, 0, first);
  if (start === end) return;
  if (sections.size === 0)
    source.report(start, 'the file has no section', 'Write `-- migrate:up` on a line before the SQL.');
  else
    source.report(
      start,
      'there is SQL before the first section',
      'Move it below `-- migrate:up`, or the section that it belongs to.',
    );
}

function reportMetaCommands(source: Source, { metaCommands }: Outline): void {
  for (const { at, command } of metaCommands) {
    // `\.` ends the data of COPY … FROM STDIN, which is rejected itself; pg_dump writes the others, which only concern
    // psql.
    if (/^\\(\.|restrict|unrestrict)$/.test(command)) continue;
    source.report(
      at,
      `\`${command}\` is a command of psql; the server does not know it`,
      /^\\ir?$|^\\include/.test(command)
        ? `Put the SQL that \`${command}\` reads into this file.`
        : `Remove \`${command}\`; use SQL instead if something is needed.`,
    );
  }
}

/** Returns the description: the comments before the first marker. */
function readDescription(text: string, comments: readonly Comment[], end: number): string {
  return comments
    .filter((comment) => comment.end <= end)
    .map((comment) => text.slice(comment.start, comment.end))
    .map((comment) =>
      comment.startsWith('--') ? comment.slice(2) : comment.slice(2, -2).replace(/^\s*\* ?/gm, ''),
    )
    .map((line) => line.trim())
    .join('\n')
    .trim();
}
