/** Checks which sections a file must have and which it must not have. */
import type { FileDirectives } from '../read/directives';
import type { FileName } from '../read/file-name';
import type { FileLayout, SectionName } from '../read/sections';
import type { Source } from '../read/source';

/**
 * Checks the sections.
 * @param lenient whether an empty `up` is only a warning, as for history and dbmate's files
 */
export function checkSections(
  source: Source,
  name: FileName,
  { sections, mistyped }: FileLayout,
  { withoutVerify }: FileDirectives,
  lenient: boolean,
  found: Readonly<Record<SectionName, readonly unknown[]>>,
): void {
  const broken = source.problems.length > 0;
  const empty = (section: SectionName): boolean =>
    sections.has(section) && found[section].length === 0 && !broken;
  const marker = (section: SectionName): number => sections.get(section)!.marker;
  if (!sections.has('up') && !sections.has('batch')) {
    if (!mistyped && (sections.size > 0 || !broken))
      source.report(null, 'there is no section `up`', 'Write `-- migrate:up` on a line before the SQL.');
    return;
  }
  if (empty('up') && lenient)
    source.warn(marker('up'), 'the section `up` is empty', 'Nothing is run for it.');
  else if (empty('up'))
    source.report(marker('up'), 'the section `up` is empty', 'Write the SQL below it, or remove the file.');
  for (const section of ['preflight', 'verify', 'batch'] as const)
    if (empty(section))
      source.report(
        marker(section),
        `the section \`${section}\` is empty`,
        'Write SQL below it, or remove it.',
      );
  if (name.kind === 'repeatable' && sections.has('down'))
    source.report(
      marker('down'),
      'a repeatable migration has no `down`',
      'Remove it: after a rollback the older file of the same name is applied again.',
    );
  if (sections.has('verify') && withoutVerify)
    source.report(
      withoutVerify.at,
      'the file has both a section `verify` and `migrate:no-verify`',
      'Remove one of the two.',
    );
  // An open quote hides the sections below it.
  const swallowed = broken && /^--\s*migrate:verify\b/m.test(source.text);
  if (!sections.has('verify') && !withoutVerify && !lenient && !mistyped && !swallowed)
    source.report(
      null,
      'there is no section `verify`',
      'Write `-- migrate:verify` and a query that returns a sentence for whatever is wrong, or say why not: `-- migrate:no-verify <why>`.',
    );
}
