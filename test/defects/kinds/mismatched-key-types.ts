import type { DefectCase } from './case';

const works = { case: null, verdict: 'schema', repair: 'decides', sql: true } as const;

export const mismatchedKeyTypes: readonly DefectCase[] = [
  {
    name: 'a join of uuid and varchar',
    schema:
      'CREATE TABLE accounts (id uuid PRIMARY KEY);\nCREATE TABLE services (id int, account_id varchar(255))',
    failing: 'SELECT s.id FROM services s JOIN accounts a ON a.id = s.account_id',
    says: /public\.services\.account_id is character varying\(255\)/,
    ...works,
  },
  {
    name: 'the key is the text, and the reference is uuid',
    schema:
      'CREATE TABLE accounts (id varchar(255) PRIMARY KEY);\nCREATE TABLE services (id int, account_id uuid)',
    failing: 'ALTER TABLE services ADD FOREIGN KEY (account_id) REFERENCES accounts (id)',
    ...works,
    afterwards: 'SELECT 1 FROM services s JOIN accounts a ON a.id = s.account_id',
  },
  {
    name: 'a foreign key whose columns are not named after each other',
    schema: 'CREATE TABLE cl (id uuid PRIMARY KEY);\nCREATE TABLE jb (id int, "Client" text)',
    failing: 'ALTER TABLE jb ADD CONSTRAINT x FOREIGN KEY ("Client") REFERENCES cl',
    says: /public\.jb\."Client" is text, and public\.cl\.id, which it should reference, is uuid\./,
    saysNot: /by name/,
    ...works,
    afterwards: 'SELECT 1 FROM jb JOIN cl ON cl.id = jb."Client"',
  },
  {
    name: 'a foreign key of a number to a uuid',
    schema: 'CREATE TABLE cl (id uuid PRIMARY KEY);\nCREATE TABLE jb (client_id bigint)',
    failing: 'ALTER TABLE ONLY public.jb ADD FOREIGN KEY (client_id) REFERENCES public.cl (id)',
    case: null,
    verdict: 'schema',
    says: /client_id is bigint, and public\.cl\.id.*one type on both sides/,
    repair: 'decides',
    sql: false,
  },
  {
    name: 'nothing in the schema: a declared type',
    schema: 'CREATE TABLE accounts (id uuid PRIMARY KEY)',
    failing: "SELECT 1 FROM accounts WHERE id = 'CANARY'::varchar",
    case: 'no-pair-found',
    verdict: null,
    says: /type declared/,
    repair: 'decides',
    sql: false,
  },
  {
    name: 'a number is no UUID, and no cast makes it one',
    schema: 'CREATE TABLE accounts (id uuid PRIMARY KEY)',
    failing: 'SELECT 1 FROM accounts WHERE id = 7',
    case: 'no-pair-found',
    verdict: null,
    says: /which cannot be cast to uuid/,
    saysNot: /varchar/,
    repair: 'decides',
    sql: false,
  },
];
