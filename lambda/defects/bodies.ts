/** Functions whose bodies name what is not there: which finding each belongs to, and its lines of evidence. Pure. */
import { becauseOf, nameOf, routineOf } from '../audit/bodies';
import type { Difference } from '../audit/compare/difference';
import { grouped } from '../audit/compare/pair';
import type { BrokenBody, Evidence, Named } from '../audit/evidence';
import type { Finding } from '../audit/finding';
import { path } from '../audit/names';
import { onceFor } from '../audit/once';
import { missingExtension, missingWords } from './extensions';

const SHOWN = 3;

/** Lines of evidence for what is gone: who names it. */
export const bodiesBecauseOf = (difference: Difference, evidence: Evidence): readonly string[] =>
  linesByDifference(evidence).get(difference) ?? [];

const linesByDifference = onceFor(({ differences, data }: Evidence) => {
  const lines = new Map<Difference | null, string[]>();
  for (const body of data.bodies)
    for (const [difference, named] of grouped(body.missing, (each) => becauseOf(differences, each)))
      lines.set(difference, [...(lines.get(difference) ?? []), line(body, named)]);
  return lines;
});

/** What no difference explains, and the name of no extension. */
export const brokenFunctions = ({ differences, data, target }: Evidence): readonly Finding[] =>
  data.bodies.flatMap((body): Finding[] => {
    const missing = body.missing.filter(
      (each) => becauseOf(differences, each) === null && extensionFor(target.catalogue, each) === null,
    );
    if (missing.length === 0) return [];
    const object = routineOf(body.routine);
    return [
      {
        grade: 'A',
        object,
        message: `Function ${object} names ${missing.map(nameOf).join(', ')}, which no schema has.`,
        evidence: callersLine(body),
      },
    ];
  });

/** Extensions that no source had, and that bodies need. */
export function extensionsOfBodies({ differences, data, target }: Evidence): readonly Finding[] {
  const lines = new Map<string, string[]>();
  for (const body of data.bodies)
    for (const each of body.missing) {
      const extension = becauseOf(differences, each) === null ? extensionFor(target.catalogue, each) : null;
      if (extension !== null) lines.set(extension, [...(lines.get(extension) ?? []), line(body, [each])]);
    }
  return [...lines].map(([extension, evidence]) => ({
    grade: 'A',
    object: path(extension),
    message: missingWords(extension),
    evidence,
  }));
}

const extensionFor = (catalogue: Evidence['target']['catalogue'], { what, name }: Named): string | null =>
  what === 'function' ? missingExtension(catalogue, name) : null;

const line = (body: BrokenBody, named: readonly Named[]): string =>
  [`the body of ${routineOf(body.routine)} names ${named.map(nameOf).join(', ')}`, ...callersLine(body)].join(
    '; ',
  );

function callersLine({ callers }: BrokenBody): string[] {
  if (callers.length === 0) return [];
  const more = callers.length - SHOWN;
  return [`called by ${callers.slice(0, SHOWN).join(', ')}${more > 0 ? ` and ${more} more` : ''}`];
}
