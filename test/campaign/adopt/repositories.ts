/** Public folders of other tools, two of each, as they were at one commit. */
import type { Tool } from '../../../lambda/engine/ledger/other-tools';
import { SUPABASE } from '../../adopt/supabase';

export interface Repository {
  readonly tool: Tool;
  /** `owner/name` at GitHub. */
  readonly name: string;
  readonly commit: string;
  readonly folder: string;
  /** Another folder of the same repository, whose files are deployed with these. @default - none */
  readonly also?: string;
  /** SQL of what the database holds before the first migration. @default - nothing */
  readonly before?: string;
  /** Of each file that `adopt` has written: what a person does because one of its notes asks for it. @default - nothing */
  readonly mended?: (text: string) => string;
  /** Files that nobody can run here, and why: neither the tool nor Trueup gets them. @default - none */
  readonly leftOut?: Readonly<Record<string, string>>;
}

export const REPOSITORIES: readonly Repository[] = [
  {
    tool: 'Supabase',
    name: 'imbhargav5/nextbase-nextjs-supabase-starter',
    commit: '2371c30a97c4f21ded972db6ef5e6ce036e0ec4d',
    folder: 'apps/database/supabase/migrations',
    before: SUPABASE,
  },
  {
    tool: 'Supabase',
    name: '0-vortex/open-sauced-nest-supabase-poc',
    commit: 'da105ab4b8c0414cc6f0cb1dd5cc91859c921cb7',
    folder: 'supabase/migrations',
    before: SUPABASE,
  },
  {
    tool: 'Prisma',
    name: 'documenso/documenso',
    commit: '75330166cc00b29c14399bc2e391e4b4d8080c00',
    folder: 'packages/prisma/migrations',
  },
  {
    tool: 'Prisma',
    name: 'umami-software/umami',
    commit: 'c0ea3aefbee7a3429ee2f824b06dc4a9dbe0b7e1',
    folder: 'prisma/migrations',
  },
  {
    tool: 'Drizzle',
    name: '0niel/exteraStore',
    commit: '76925f2c8ade5cf28aa60c87e3fad4894cb91dd3',
    folder: 'drizzle',
  },
  {
    tool: 'Drizzle',
    name: '0-don/coding.global-web',
    commit: '1822b60540d45e725017fd67815b6044bb17fece',
    folder: 'drizzle',
  },
  {
    tool: 'golang-migrate',
    name: 'goharbor/harbor',
    commit: 'c50c7ddd6ea4e335a480b49c618281882ab7eec9',
    folder: 'make/migrations/postgresql',
  },
  {
    tool: 'golang-migrate',
    name: 'reportportal/migrations',
    commit: '8a58c66f0657c751c90f19114d2c34f163f75477',
    folder: 'migrations',
    leftOut: {
      '40_attachment_creation_date_fill.up.sql':
        'it calls a procedure that commits, and Trueup runs a file as one transaction',
    },
  },
  {
    tool: 'Flyway',
    name: 'conductor-oss/conductor',
    commit: 'b54f0d4ee546c1053367e1c14405c5396c17bfb1',
    folder: 'postgres-persistence/src/main/resources/db/migration_postgres',
  },
  {
    tool: 'Flyway',
    name: 'kestra-io/kestra',
    commit: '58c1ca2d0589c888328bacc3ee65e65dc4ba0a6a',
    folder: 'jdbc-postgres/src/main/resources/migrations/postgres',
  },
  {
    tool: 'dbmate',
    name: 'purton-tech/cloak',
    commit: '07dacd0dd359e4498ede7bddf083e34d666fed6c',
    folder: 'crates/db/migrations',
  },
  {
    tool: 'dbmate',
    name: 'fluidity-money/fluidity-app',
    commit: 'b2b8b51d6e62e35c6e68ed587e0df23131b30019',
    folder: 'database/101-up-postgres',
    also: 'database/100-up-sql-shared',
  },
  {
    tool: 'node-pg-migrate',
    name: 'HaydenLeBaron/thesaurizate.fi',
    commit: '96d9fb60771b4fcd5da5176a5dd66800ea198d9d',
    folder: 'server/migrations',
  },
  {
    tool: 'node-pg-migrate',
    name: 'idcim/NinoGame',
    commit: '0da07c75b48935c88448850b3cc328657fa20482',
    folder: 'backend/sql',
  },
  {
    tool: 'goose',
    name: 'openfga/openfga',
    commit: 'da9354f7e6704cef47e620ffa2e08212c08d5ad3',
    folder: 'assets/migrations/postgres',
  },
  {
    tool: 'goose',
    name: 'e2b-dev/infra',
    commit: '54693ff353d26c5fe1951db5467e751f3e2f984e',
    folder: 'packages/db/migrations',
    // Its procedures commit after each batch of rows.
    mended: (text) => text.replace(/^\s*COMMIT;$/gm, ''),
  },
];
