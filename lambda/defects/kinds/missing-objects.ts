/** Checks that only report differences from the source. Each is a row of texts. */
import type { ComparedId } from '../../audit/compare/difference';
import type { FindingKind } from '../kind';
import { type LostKindTexts, makeLostKind } from '../lost-kind';

const TEXTS = {
  'missing-schema': {
    title: 'A schema of the source is missing',
    impact: 'Every statement that uses its tables or functions fails.',
    origin:
      'Migration tools copy only the schemas in their configuration. Schemas of extensions and services (auth, storage) are often left out on purpose.',
    remedy:
      'Decide whether the application uses it. If it does, move it too; if not, suppress the finding with the reason.',
  },
  'extension-schema-changed': {
    title: 'An extension is in another schema',
    impact:
      'Under the search path of the application, unqualified calls to its functions fail or find a different function.',
    origin:
      'Supabase keeps extensions in schema extensions; elsewhere, CREATE EXTENSION creates them in public.',
    remedy:
      'ALTER EXTENSION … SET SCHEMA, if the extension can be moved; or set the search path of the role that calls it.',
  },
  'missing-type': {
    title: 'A type of the source is missing or different',
    impact:
      'Casts to it fail, and its columns have become text: values that it would have refused are written.',
    origin: 'AWS DMS and loaders turn enums and domains into text columns.',
    remedy:
      'Create the type, then change the columns to it: ALTER TABLE … ALTER COLUMN … TYPE … USING, at a quiet time, because it rewrites the table.',
  },
  'missing-enum-value': {
    title: 'An enum lacks values that the source has',
    impact: 'Rows with such a value cannot be written.',
    origin: 'The type was created from an older version of the schema.',
    remedy: 'ALTER TYPE … ADD VALUE IF NOT EXISTS, each at its position with BEFORE or AFTER.',
  },
  'missing-collation': {
    title: 'A collation of the source is missing or different',
    impact: 'Text compares and sorts differently.',
    origin: 'A user-defined collation is not moved with tables and rows.',
    remedy:
      'CREATE COLLATION with provider and locale of the source, then set it on the columns that had it.',
  },
  'locale-changed': {
    title: 'The encoding or locale of the database differs',
    impact: 'Text sorts differently, and ranges and unique keys over text may give different results.',
    origin: 'CREATE DATABASE used the default of the new server, which is different.',
    unwritten: 'encoding and locale of a database are chosen when it is created',
    remedy:
      'Where order matters, set a collation on the columns, or recreate the database with the LOCALE of the source and move the data again.',
  },
  'missing-table': {
    title: 'A table of the source is missing or a different kind of table',
    impact: 'Every statement on it fails or uses a different relation.',
    origin:
      'The migration tool was not configured to copy it, creating it failed on a type or an extension, or the case of its name changed.',
    remedy:
      'Move it again, or create it and copy its rows. If it was left out on purpose, suppress the finding with the reason.',
  },
  'missing-column': {
    title: 'A column of the source is missing',
    impact: 'Statements that name it fail, and its values are missing.',
    origin:
      'The migration tool could not map its type, or the table was created from an older version of the schema.',
    remedy: 'ALTER TABLE … ADD COLUMN, then copy the values from the source by primary key.',
  },
  'column-type-changed': {
    title: 'The type of a column differs from the source',
    impact:
      'Comparisons with other columns fail or lose their index, and values are stored that the type would have rejected.',
    origin:
      'Migration tools convert types: uuid to varchar, timestamptz to timestamp, numeric to double precision, enum to text.',
    remedy:
      'ALTER TABLE … ALTER COLUMN … TYPE … USING. It rewrites the table under a lock that blocks readers, unless the types are binary coercible: do it at a quiet time.',
  },
  'missing-not-null': {
    title: 'A column is nullable that is NOT NULL in the source',
    impact: 'Rows without a value can be written, which the application does not expect.',
    origin: 'Loaders create columns without NOT NULL, so that they reject no rows.',
    remedy:
      'Resolve the rows that have NULL. Then add CHECK (… IS NOT NULL) NOT VALID, validate it, and SET NOT NULL, which then needs no scan.',
  },
  'missing-default': {
    title: 'A default of the source is missing or different',
    impact: 'An INSERT that leaves the column out writes NULL, or fails where the column is NOT NULL.',
    origin: 'AWS DMS creates no defaults; loaders drop those whose functions they cannot map.',
    remedy:
      'ALTER TABLE … ALTER COLUMN … SET DEFAULT. It takes a short lock and changes no rows: check the rows that were written without the default.',
  },
  'missing-identity': {
    title: 'An identity of the source is missing or different',
    impact:
      'An INSERT that leaves the column out fails or writes NULL; one that gives a value may be refused.',
    origin: 'AWS DMS creates the column with only its type.',
    remedy: 'ALTER TABLE … ALTER COLUMN … ADD GENERATED … AS IDENTITY, then setval above the highest value.',
  },
  'missing-primary-key': {
    title: 'A primary key of the source is missing or different',
    impact:
      'Duplicate rows are possible, ON CONFLICT finds no key, and logical replication cannot update the table.',
    origin: 'The key could not be built because of duplicates, or the loader created tables without it.',
    remedy:
      'Resolve duplicates. Then CREATE UNIQUE INDEX CONCURRENTLY and ALTER TABLE … ADD PRIMARY KEY USING INDEX.',
  },
  'missing-unique-index': {
    title: 'A unique index or constraint of the source is missing or different',
    impact: 'Duplicates are written, and ON CONFLICT on these columns fails with 42P10.',
    origin:
      'AWS DMS creates unique indexes only in some cases, and none that are partial. pg_restore continues if the index fails on duplicates, which a different collation can cause.',
    remedy:
      'Resolve duplicates: a person must decide which row to keep. Then CREATE UNIQUE INDEX CONCURRENTLY, with the predicate of the source.',
  },
  'missing-index': {
    title: 'An index of the source is missing or different',
    impact: 'Queries that used it read the whole table.',
    origin: 'AWS DMS creates no secondary indexes.',
    remedy: 'CREATE INDEX CONCURRENTLY with the definition of the source.',
  },
  'missing-constraint': {
    title: 'A CHECK or EXCLUDE constraint of the source is missing or different',
    impact: 'Rows are written that the constraint would have refused.',
    origin: 'AWS DMS creates no constraints but the primary key.',
    remedy:
      'ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT in a separate transaction. Resolve the rows that violate it first.',
  },
  'constraint-renamed': {
    title: 'The name or form of an index or constraint differs from the source',
    impact: 'ON CONFLICT ON CONSTRAINT, and code that reads the name in an error, do not find it.',
    origin: 'A tool created it again under a name of its choice.',
    remedy:
      'ALTER INDEX or ALTER TABLE … RENAME CONSTRAINT, if something uses the name; ADD CONSTRAINT … USING INDEX makes a constraint of a unique index.',
    confidence: 'C',
    habit: 'it is a primary key on the same columns: migration tools such as AWS DMS choose the name',
  },
  'missing-sequence': {
    title: 'A sequence of the source is missing or different',
    impact: 'Calls of nextval fail or return other values.',
    origin: 'A sequence that no column owns is not moved with tables and rows.',
    remedy: 'CREATE SEQUENCE with the definition of the source, and setval to the position of the source.',
  },
  'missing-view': {
    title: 'A view of the source is missing or different',
    impact: 'Statements on it fail or return different rows.',
    origin: 'AWS DMS and pgloader move tables but no views.',
    remedy: 'CREATE VIEW with the definition of the source, after the tables and functions that it uses.',
    blind:
      'Different major versions print definitions differently, so only the columns and options are compared across them.',
  },
  'missing-materialized-view': {
    title: 'A materialized view of the source is missing, different or empty',
    impact: 'Statements on it fail or return different rows.',
    origin: 'Loaders move tables but no views; a dump that is restored with WITH NO DATA leaves it empty.',
    remedy: 'CREATE MATERIALIZED VIEW with the definition of the source and its indexes, or REFRESH it.',
  },
  'missing-function': {
    title: 'A function of the source is missing or different',
    impact: 'Statements that call it fail or give different results, and its triggers are missing.',
    origin:
      'AWS DMS and pgloader move no functions. A function without its search_path setting or SECURITY DEFINER still runs, but may behave differently.',
    remedy:
      'CREATE FUNCTION with the definition of the source: its settings, its language and SECURITY DEFINER are part of it.',
    blind: 'Across major versions, the body is compared by its hash and the rest by its parts.',
  },
  'missing-trigger': {
    title: 'A trigger of the source is missing, disabled or different',
    impact: 'What it does for each row no longer happens, and no error reports that.',
    origin: 'AWS DMS moves no triggers, and its documentation asks to disable them during the load.',
    remedy: 'CREATE TRIGGER, or ALTER TABLE … ENABLE TRIGGER. Check the rows that were written without it.',
  },
  'missing-rule': {
    title: 'A rule of the source is missing or different',
    impact: 'Statements run as written, and the rule does not rewrite them.',
    origin: 'Migration tools do not copy rules.',
    remedy: 'CREATE RULE with the definition of the source.',
  },
  'missing-policy': {
    title: 'A policy of the source is missing or different',
    impact: 'Rows are visible that should be hidden, or hidden that should be visible.',
    origin: 'Policies that call functions of a service (auth.uid()) cannot be created elsewhere.',
    remedy:
      'CREATE POLICY with the definition of the source, after the functions that it calls. Test it with the role that it applies to.',
  },
  'row-security-disabled': {
    title: 'Row security of a table is off',
    impact: 'Every role with a privilege on the table sees all its rows.',
    origin: 'Migration tools create tables without it, even if they move the policies.',
    remedy:
      'Create the policies first, then ALTER TABLE … ENABLE ROW LEVEL SECURITY, and FORCE where the source has it.',
  },
  'missing-publication': {
    title: 'A publication of the source is missing or different',
    impact: 'Subscribers and consumers of changes receive fewer changes, or none.',
    origin:
      'A dump of tables does not contain it, and creating it requires ownership of its tables, or a superuser for FOR ALL TABLES and FOR TABLES IN SCHEMA.',
    remedy:
      'CREATE PUBLICATION with the definition of the source; then redirect the subscribers to this database.',
  },
  'missing-grant': {
    title: 'Privileges of a role are missing',
    impact: 'Statements of the role fail with 42501.',
    origin:
      'Migration tools create objects as their own role, without the privileges of others. ALTER DEFAULT PRIVILEGES affects only objects that are created later.',
    remedy:
      'GRANT the privileges of the source. If the role is missing, create it first; if it is not needed here, suppress the finding.',
    blind:
      'A privilege that the role has in another way (as owner, as a member, through PUBLIC) is not reported.',
  },
  'grant-added': {
    title: 'Privileges that the source does not grant',
    impact: 'Roles can read or change data here that they could not in the source.',
    origin:
      'Default privileges of the target grant privileges on each new object, and PUBLIC may execute a new function. A migration tool creates the objects, and does not revoke what the source had revoked.',
    remedy:
      'REVOKE it. If it was granted on purpose, suppress the finding. Check also the default privileges, which would grant it on the next object.',
    found: 'the source has the role and does not grant the privilege, or it is granted to PUBLIC',
    habit:
      'the source does not have the role, or it is a default privilege, which does not affect existing objects',
    blind:
      'Owners and superusers have every privilege and are left out on both sides. A dump without GRANT, an SQLite file and a snapshot of an earlier version have no privileges, so nothing is compared with them.',
  },
  'missing-comment': {
    title: 'Comments are missing or different',
    impact: 'Tools that read comments (PostGraphile, documentation) find none.',
    origin: 'AWS DMS and loaders move no comments.',
    remedy: 'COMMENT ON with the definition of the source.',
  },
  'missing-setting': {
    title: 'A setting of a role or of the database is missing or different',
    impact:
      'The same statement behaves differently: for example, it searches another schema or parses dates differently.',
    origin: 'ALTER ROLE … SET and ALTER DATABASE … SET are not part of a dump of one database.',
    remedy:
      'ALTER ROLE … SET, or ALTER DATABASE … SET, with the value of the source. Open sessions keep the old value.',
  },
} satisfies Partial<Readonly<Record<ComparedId, LostKindTexts>>>;

type MissingObjectId = keyof typeof TEXTS;

export const MISSING_OBJECT_KINDS = Object.fromEntries(
  Object.entries(TEXTS).map(([id, texts]) => [id, makeLostKind(id as MissingObjectId, texts)]),
) as Readonly<Record<MissingObjectId, FindingKind>>;
