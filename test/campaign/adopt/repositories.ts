/** Public folders of other tools, as they were at one commit. */
import type { LedgerTool } from '../../../lambda/engine/ledger/other-tools';
import { SUPABASE } from '../../adopt/supabase';

export interface Repository {
  readonly tool: LedgerTool;
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
    tool: 'Supabase',
    name: 'usebasejump/basejump',
    commit: 'cfaeaa314e2bd336ff296c8b45fa5f0fa7e4856b',
    folder: 'supabase/migrations',
    before: SUPABASE,
  },
  {
    tool: 'Supabase',
    name: 'vercel/nextjs-subscription-payments',
    commit: 'bdd0813206e47e6b218d42f15a7976c8a0d3c3eb',
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
    tool: 'Prisma',
    name: 'langfuse/langfuse',
    commit: '62751446149b702b419a9292ddfc2280cdf74b8c',
    folder: 'packages/shared/prisma/migrations',
  },
  {
    tool: 'Prisma',
    name: 'lukevella/rallly',
    commit: 'c629b3148024e40a115a731d3660d725c9329b0e',
    folder: 'packages/database/prisma/migrations',
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
    tool: 'Drizzle',
    name: 'dittofeed/dittofeed',
    commit: '52b2bee909744d07dd5d409fd3974d4b95c66766',
    folder: 'packages/backend-lib/drizzle',
  },
  {
    tool: 'Drizzle',
    name: 'vercel/ai-chatbot',
    commit: '9d5d8a3ea7968522a37ab1cc145a6c0ef8a9dd2e',
    folder: 'lib/db/migrations',
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
    tool: 'golang-migrate',
    name: 'ente-io/ente',
    commit: 'a621d733154a834f23754e7e874de769be532d9d',
    folder: 'server/migrations',
  },
  {
    tool: 'golang-migrate',
    name: 'kubeshop/tracetest',
    commit: '64eb49ff2037e0ba5d16237278d984758e7c7309',
    folder: 'server/migrations',
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
    tool: 'Flyway',
    name: 'cowprotocol/services',
    commit: '6a3eb426546945110fe3872ca8a3f2351a770cc1',
    folder: 'database/sql',
  },
  {
    tool: 'Flyway',
    name: 'eclipse-hawkbit/hawkbit',
    commit: '67ca1c43321e6b5ed091b667bf36d27dab0cf3eb',
    folder: 'hawkbit-repository/hawkbit-repository-jpa-flyway/src/main/resources/db/migration/POSTGRESQL',
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
    tool: 'dbmate',
    name: 'pepeul1191/northwind-mysql-postgres-dbmate',
    commit: '07bdd4c9bc535d1f8418c72aa0eca1b4afe76311',
    folder: 'postgres',
  },
  {
    tool: 'dbmate',
    name: 'ParkerGits/go-sqlc-dbmate',
    commit: 'cbec0d5135f2f460b8fb21336e9b0fa0f7ee5366',
    folder: 'db/migrations',
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
    tool: 'node-pg-migrate',
    name: 'ariagdere/the-humidor',
    commit: '5120e366f10f49d46daf8bd694e4857d933061e3',
    folder: 'migrations',
  },
  {
    tool: 'node-pg-migrate',
    name: 'tekvyy/x402-xrpl',
    commit: 'e4bd02482544d10dfec89df6b9deba02b5854609',
    folder: 'migrations',
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
