/** Why the audit and pg-delta differ where they do. */
export interface Explained {
  /** The mutation. */
  readonly sql: RegExp;
  /** `pg-delta alone: OBJECT` or `the audit alone: KIND OBJECT`. */
  readonly says: RegExp;
  readonly why: string;
}

export const EXPLAINED: readonly Explained[] = [
  {
    sql: /^ALTER DATABASE @TARGET@ (RE)?SET/,
    says: /^the audit alone: missing-setting @TARGET@$/,
    why: 'pg-delta does not read the settings of a database',
  },
  {
    sql: /^ALTER ROLE "oracle" IN DATABASE @TARGET@ SET/,
    says: /^the audit alone: missing-setting oracle$/,
    why: 'pg-delta has the settings of a role under the name of the database, which each copy has another of',
  },
  {
    sql: /^(DROP|ALTER) SCHEMA lone/,
    says: /^pg-delta alone: lone\.notes$/,
    why: 'the audit says that the schema is gone, with all that is in it, and not each table of it',
  },
  {
    sql: /^REFRESH MATERIALIZED VIEW .* WITH NO DATA$/,
    says: /^the audit alone: missing-materialized-view /,
    why: 'pg-delta does not look whether a view was ever filled',
  },
  {
    sql: /^ALTER PUBLICATION feed SET TABLE/,
    says: /^(pg-delta alone: shop\.orders|the audit alone: missing-publication feed)$/,
    why: 'pg-delta has the columns of a publication with the table, and the audit with the publication',
  },
  {
    sql: /^GRANT TEMPORARY ON DATABASE/,
    says: /^the audit alone: missing-grant database$/,
    why: 'pg-delta does not read the privileges on a database',
  },
];
