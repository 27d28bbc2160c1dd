/** Groups findings by the object that they are about: a table, a view, a schema or the database. Pure. */
import type { Catalog } from '../../../lambda/audit/catalog';
import type { Reference } from '../../../lambda/audit/catalog/kind';
import { groupBy } from '../../../lambda/audit/compare/pair';
import { CONFIDENCES, type Confidence } from '../../../lambda/audit/finding';
import { formatPath, formatReference, joinKey, parseNames } from '../../../lambda/audit/names';
import { AUDIT_KINDS } from '../../../lambda/defects';
import type { AuditFinding } from '../../../lambda/defects/findings';
import type { FindingKind } from '../../../lambda/defects/kind';

export interface ReportGroup {
  readonly title: string;
  /** The table of the group, for which a diagram of its keys can be drawn; `null` for other groups. */
  readonly table: Reference | null;
  /** Blocks, the highest confidence first. */
  readonly blocks: readonly ReportBlock[];
}

/** Findings of one kind and confidence, which share one explanation. */
export interface ReportBlock {
  readonly kind: FindingKind;
  readonly confidence: Confidence;
  readonly findings: readonly AuditFinding[];
}

interface ObjectOwner {
  readonly title: string;
  readonly table: Reference | null;
}

/** Groups the findings. Groups are sorted by their number of confidence A findings, then of confidence B, and so on. */
export function groupFindingsByObject(
  findings: readonly AuditFinding[],
  catalogs: readonly Catalog[],
): readonly ReportGroup[] {
  const findPlace = indexOwners(catalogs);
  const placed = findings.map((finding) => ({ finding, place: findPlace(finding.object) }));
  return [...groupBy(placed, ({ place }) => place.title).values()]
    .map((group) => ({ ...group[0]!.place, findings: group.map(({ finding }) => finding) }))
    .sort((a, b) => compareByConfidence(a.findings, b.findings) || (a.title < b.title ? -1 : 1))
    .map(({ findings: own, ...place }) => ({ ...place, blocks: buildBlocks(own) }));
}

export const listFindings = ({ blocks }: ReportGroup): readonly AuditFinding[] =>
  blocks.flatMap(({ findings }) => findings);

export const countConfidence = (findings: readonly AuditFinding[], wanted: Confidence): number =>
  findings.filter(({ confidence }) => confidence === wanted).length;

/** Compares by the number of findings of confidence A, then of confidence B, and so on. */
function compareByConfidence(a: readonly AuditFinding[], b: readonly AuditFinding[]): number {
  for (const confidence of CONFIDENCES) {
    const more = countConfidence(b, confidence) - countConfidence(a, confidence);
    if (more !== 0) return more;
  }
  return 0;
}

const buildBlocks = (findings: readonly AuditFinding[]): readonly ReportBlock[] =>
  [...groupBy(findings, ({ confidence, id }) => `${confidence} ${id}`).values()]
    .map((own) => ({ kind: findKind(own[0]!), confidence: own[0]!.confidence, findings: own }))
    .sort(
      (a, b) =>
        CONFIDENCES.indexOf(a.confidence) - CONFIDENCES.indexOf(b.confidence) ||
        AUDIT_KINDS.indexOf(a.kind) - AUDIT_KINDS.indexOf(b.kind),
    );

const findKind = ({ id }: AuditFinding): FindingKind => AUDIT_KINDS.find((kind) => kind.id === id)!;

/** Returns a function that finds the group of an object by its name. */
function indexOwners(catalogs: readonly Catalog[]): (object: string) => ObjectOwner {
  const named = (lists: readonly (keyof Catalog)[]): Set<string> =>
    new Set(
      catalogs.flatMap((catalog) =>
        lists.flatMap((list) =>
          (catalog[list] as readonly Reference[]).map((each) => joinKey(each.schema, each.name)),
        ),
      ),
    );
  const [tables, views] = [named(['tables']), named(['views'])];
  const schemas = new Set(catalogs.flatMap((catalog) => catalog.schemas.map(({ name }) => name)));
  return (object) => {
    const [schema, name] = parseNames(object);
    if (schema !== undefined && name !== undefined) {
      const table = { schema, name };
      const title = formatReference(table);
      const within = object === title || object.startsWith(`${title}.`);
      if (within && tables.has(joinKey(schema, name))) return { title, table };
      if (within && views.has(joinKey(schema, name))) return { title, table: null };
    }
    if (schema !== undefined && schemas.has(schema))
      return { title: `Schema ${formatPath(schema)}`, table: null };
    return { title: 'The database', table: null };
  };
}
