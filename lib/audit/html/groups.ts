/** Findings by what they are about: a table, a view, a schema, the database. Pure. */
import type { Catalogue } from '../../../lambda/audit/catalogue';
import type { Reference } from '../../../lambda/audit/catalogue/kind';
import { grouped } from '../../../lambda/audit/compare/pair';
import { GRADES, type Grade } from '../../../lambda/audit/finding';
import { key, namesIn, path, pathOf } from '../../../lambda/audit/names';
import { AUDIT_KINDS } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { Kind } from '../../../lambda/defects/kind';

export interface Group {
  readonly title: string;
  /** A picture of its keys can be drawn. */
  readonly table: Reference | null;
  /** The surest first. */
  readonly blocks: readonly Block[];
}

/** Findings of one kind and grade: what they mean is said once. */
export interface Block {
  readonly kind: Kind;
  readonly grade: Grade;
  readonly findings: readonly AuditFinding[];
}

interface Place {
  readonly title: string;
  readonly table: Reference | null;
}

/** The group with the surest findings first, and with the most of those. */
export function groupsOf(
  findings: readonly AuditFinding[],
  catalogues: readonly Catalogue[],
): readonly Group[] {
  const placeOf = places(catalogues);
  const placed = findings.map((finding) => ({ finding, place: placeOf(finding.object) }));
  return [...grouped(placed, ({ place }) => place.title).values()]
    .map((group) => ({ ...group[0]!.place, findings: group.map(({ finding }) => finding) }))
    .sort((a, b) => bySurety(a.findings, b.findings) || (a.title < b.title ? -1 : 1))
    .map(({ findings: own, ...place }) => ({ ...place, blocks: blocksOf(own) }));
}

export const findingsIn = ({ blocks }: Group): readonly AuditFinding[] =>
  blocks.flatMap(({ findings }) => findings);

export const countOf = (findings: readonly AuditFinding[], wanted: Grade): number =>
  findings.filter(({ grade }) => grade === wanted).length;

/** By how many there are of grade A, then of B, … */
function bySurety(a: readonly AuditFinding[], b: readonly AuditFinding[]): number {
  for (const grade of GRADES) {
    const more = countOf(b, grade) - countOf(a, grade);
    if (more !== 0) return more;
  }
  return 0;
}

const blocksOf = (findings: readonly AuditFinding[]): readonly Block[] =>
  [...grouped(findings, ({ grade, id }) => `${grade} ${id}`).values()]
    .map((own) => ({ kind: kindOf(own[0]!), grade: own[0]!.grade, findings: own }))
    .sort(
      (a, b) =>
        GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) ||
        AUDIT_KINDS.indexOf(a.kind) - AUDIT_KINDS.indexOf(b.kind),
    );

const kindOf = ({ id }: AuditFinding): Kind => AUDIT_KINDS.find((kind) => kind.id === id)!;

/** What an object belongs to, by its name. */
function places(catalogues: readonly Catalogue[]): (object: string) => Place {
  const named = (lists: readonly (keyof Catalogue)[]): Set<string> =>
    new Set(
      catalogues.flatMap((catalogue) =>
        lists.flatMap((list) =>
          (catalogue[list] as readonly Reference[]).map((each) => key(each.schema, each.name)),
        ),
      ),
    );
  const [tables, views] = [named(['tables']), named(['views'])];
  const schemas = new Set(catalogues.flatMap((catalogue) => catalogue.schemas.map(({ name }) => name)));
  return (object) => {
    const [schema, name] = namesIn(object);
    if (schema !== undefined && name !== undefined) {
      const table = { schema, name };
      const title = pathOf(table);
      const within = object === title || object.startsWith(`${title}.`);
      if (within && tables.has(key(schema, name))) return { title, table };
      if (within && views.has(key(schema, name))) return { title, table: null };
    }
    if (schema !== undefined && schemas.has(schema)) return { title: `Schema ${path(schema)}`, table: null };
    return { title: 'The database', table: null };
  };
}
