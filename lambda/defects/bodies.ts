/** Assigns functions whose bodies name missing objects to findings, and writes their lines of evidence. Pure. */
import { findCauseOfBrokenBody, formatReferencedName, formatRoutine } from '../audit/bodies';
import type { Difference } from '../audit/compare/difference';
import { groupBy } from '../audit/compare/pair';
import type { BrokenBody, Evidence, ReferencedName } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { memoize } from '../audit/memoize';
import { formatPath } from '../audit/names';
import { describeMissingExtension, findMissingExtension } from './extensions';

const MAX_SHOWN_BODIES = 3;

/** Lists the functions that name the missing object of a difference, as lines of evidence. */
export const describeBrokenBodies = (difference: Difference, evidence: Evidence): readonly string[] =>
  groupLinesByDifference(evidence).get(difference) ?? [];

const groupLinesByDifference = memoize(({ differences, data }: Evidence) => {
  const lines = new Map<Difference | null, string[]>();
  for (const body of data.bodies)
    for (const [difference, named] of groupBy(body.missing, (each) =>
      findCauseOfBrokenBody(differences, each),
    ))
      lines.set(difference, [...(lines.get(difference) ?? []), formatBodyLine(body, named)]);
  return lines;
});

/** Reports missing objects that neither a difference nor an extension explains. */
export const findBrokenFunctions = ({ differences, data, target }: Evidence): readonly Finding[] =>
  data.bodies.flatMap((body): Finding[] => {
    const missing = body.missing.filter(
      (each) =>
        findCauseOfBrokenBody(differences, each) === null && findExtensionFor(target.catalog, each) === null,
    );
    if (missing.length === 0) return [];
    const object = formatRoutine(body.routine);
    return [
      {
        confidence: 'A',
        object,
        message: `Function ${object} names ${missing.map(formatReferencedName).join(', ')}, which no schema has.`,
        evidence: formatCallersLines(body),
      },
    ];
  });

/** Reports extensions that function bodies need and that the source does not show as missing. */
export function findExtensionsNeededByBodies({ differences, data, target }: Evidence): readonly Finding[] {
  const lines = new Map<string, string[]>();
  for (const body of data.bodies)
    for (const each of body.missing) {
      const extension =
        findCauseOfBrokenBody(differences, each) === null ? findExtensionFor(target.catalog, each) : null;
      if (extension !== null)
        lines.set(extension, [...(lines.get(extension) ?? []), formatBodyLine(body, [each])]);
    }
  return [...lines].map(([extension, evidence]) => ({
    confidence: 'A',
    object: formatPath(extension),
    message: describeMissingExtension(extension),
    evidence,
  }));
}

const findExtensionFor = (
  catalog: Evidence['target']['catalog'],
  { what, name }: ReferencedName,
): string | null => (what === 'function' ? findMissingExtension(catalog, name) : null);

const formatBodyLine = (body: BrokenBody, named: readonly ReferencedName[]): string =>
  [
    `the body of ${formatRoutine(body.routine)} names ${named.map(formatReferencedName).join(', ')}`,
    ...formatCallersLines(body),
  ].join('; ');

function formatCallersLines({ callers }: BrokenBody): string[] {
  if (callers.length === 0) return [];
  const more = callers.length - MAX_SHOWN_BODIES;
  return [`called by ${callers.slice(0, MAX_SHOWN_BODIES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}
