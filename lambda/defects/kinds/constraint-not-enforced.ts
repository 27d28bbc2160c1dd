import type { Constraint } from '../../audit/catalog/constraints';
import type { Evidence } from '../../audit/evidence';
import type { Finding } from '../../audit/finding';
import { formatCount, formatPath } from '../../audit/names';
import type { FindingKind } from '../kind';

export const constraintNotEnforced: FindingKind = {
  id: 'constraint-not-enforced',
  title: 'A foreign key or CHECK exists but is not enforced',
  impact:
    'Orphaned rows can be written despite the foreign key, and ON DELETE does nothing. Rows that violate a CHECK can be written.',
  origin:
    'Tools disable the triggers of a table while they copy rows (`pg_restore --disable-triggers`, `ALTER TABLE … DISABLE TRIGGER ALL`), and an interrupted copy leaves them disabled: the foreign key still exists and is marked as valid. Or the foreign key or the CHECK was declared NOT ENFORCED (PostgreSQL 18).',
  audit: {
    confidences: {
      A: 'the catalog shows that its triggers do not fire, or that it is declared NOT ENFORCED',
    },
    remedy:
      'Drop the constraint and add it again NOT VALID, in one statement: this recreates the triggers of a foreign key. Then VALIDATE CONSTRAINT. A superuser may ENABLE TRIGGER ALL instead, on both tables, but rows that were written in the meantime stay unchecked. Resolve the rows that violate the constraint first.',
    blind:
      'session_replication_role = replica in a session, which disables the same triggers without a record.',
    find: (evidence) =>
      evidence.target.catalog.constraints
        .filter(({ disabled, notEnforced, inherited }) => !inherited && (disabled || notEnforced))
        .map((each) => buildNotEnforcedFinding(each, evidence)),
  },
};

function buildNotEnforcedFinding(constraint: Constraint, { data }: Evidence): Finding {
  const { schema, table, name, type, columns = [], definition, notEnforced } = constraint;
  const what = type === 'foreign key' ? 'Foreign key' : type === 'check' ? 'CHECK constraint' : 'Constraint';
  const rows = data.orphans.find(
    (each) =>
      each.table.schema === schema && each.table.name === table && each.constraint === formatPath(name),
  )?.rows;
  const counted =
    rows === undefined
      ? 'orphaned rows were not counted'
      : `${formatCount(rows, 'row')} ${rows === 1 ? 'is' : 'are'} orphaned`;
  return {
    confidence: 'A',
    object: columns.length === 1 ? formatPath(schema, table, columns[0]!) : formatPath(schema, table),
    message: `${what} ${formatPath(name)} on ${formatPath(schema, table)} is not enforced: ${
      notEnforced ? 'it is declared NOT ENFORCED' : 'its triggers are disabled'
    }.`,
    evidence: [
      definition,
      ...(type === 'foreign key' ? [counted] : []),
      ...(type === 'check' ? ['existing rows were not checked'] : []),
    ],
    repair: { what: 'enforce', constraint },
  };
}
