/** Cuts a file into its description, its directives and its sections, by the `-- migrate:` comments. */

import type { FileName } from './file-name';
import { nearest } from './nearest';
import { type Comment, type Outline, outlineOf, trimToCode } from './outline';
import type { Source } from './source';

export const SECTIONS = ['preflight', 'up', 'verify', 'down', 'batch'] as const;
export type SectionName = (typeof SECTIONS)[number];

export const DIRECTIVES = ['consent', 'decide', 'history', 'unproved', 'supersedes', 'settings'] as const;
export type DirectiveName = (typeof DIRECTIVES)[number];

export interface FileSection {
  /** Offset of its marker. */
  readonly marker: number;
  /** From the end of the marker's line up to the next marker. Several only where dbmate's files have several. */
  readonly parts: readonly Part[];
}

export interface Part {
  readonly start: number;
  readonly end: number;
}

export interface Directive {
  readonly name: DirectiveName;
  /** What follows the name on the line. */
  readonly value: string;
  readonly at: number;
}

export interface Layout {
  readonly outline: Outline;
  readonly description: string;
  readonly sections: ReadonlyMap<SectionName, FileSection>;
  readonly directives: readonly Directive[];
  /** Nothing in it is ours: only dbmate's sections, and the name that `dbmate new` gives. */
  readonly plainDbmate: boolean;
  /** A marker is mistyped, so that a section may only seem to be missing. */
  readonly mistyped: boolean;
}

/** Loose on purpose: what was meant as a marker and is not one must not pass as a mere comment. */
const MARKER = /^--+\s*migrate\s*:\s*([\w-]*)(.*)$/is;
const EXACT = /^--\s*migrate:([a-z]+)(?:\s(.*))?$/s;

export function readLayout(source: Source, { version }: Pick<FileName, 'version'>): Layout {
  const { text } = source;
  const outline = outlineOf(text);
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
      source.report(comment.start, `\`migrate:${name}\` is not known`, suggestion(name));
    }
  }
  close(text.length);
  refuseCodeBeforeSections(source, outline, sections);
  reportMetaCommands(source, outline);
  const description = descriptionIn(text, outline.comments, firstMarker);
  return { outline, description, sections, directives, plainDbmate, mistyped };
}

function readMarker(source: Source, comment: Comment): { name: string; value: string } | undefined {
  const line = source.text.slice(comment.start, comment.end);
  const loose = MARKER.exec(line);
  if (!loose) return undefined;
  if (!comment.ownLine) {
    source.report(
      comment.start,
      'a `migrate:` comment must stand on a line of its own',
      'Move it to its own line, or word the comment differently.',
    );
    return undefined;
  }
  const exact = EXACT.exec(line);
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

function suggestion(name: string): string {
  const known = nearest(name, [...SECTIONS, ...DIRECTIVES]);
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
    // The first ends the data of COPY … FROM STDIN, which is refused itself; the others are of pg_dump, about psql alone.
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

/** The comment block that the file begins with: up to its first blank line that code or a marker follows. */
function descriptionIn(text: string, comments: readonly Comment[], end: number): string {
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
