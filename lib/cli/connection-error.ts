/** Why a database cannot be reached, and what to do on a command line. */
import { type ErrorInfo, TrueupError } from '../../lambda/engine/errors';
import { connectionError } from '../../lambda/engine/failures';
import type { ConnectionLost } from '../../lambda/postgres/database';
import type { Target } from './connection';

/** Where the command line knows more than the engine does, by pg's own words: it has no codes for these. */
const HINTS: readonly (readonly [RegExp, message: string, remedy: string])[] = [
  [
    /timeout expired|ETIMEDOUT/,
    'the server does not answer',
    'A firewall or security group in between may drop the packets; check VPN and tunnel. A database that only the ' +
      'deployed function reaches is asked with --stack.',
  ],
  [
    /does not support SSL/,
    'the server does not offer TLS',
    'Where it has none on purpose, give --ssl-mode disable.',
  ],
  [
    /self[- ]signed|unable to (verify|get)|issuer certificate/,
    'its certificate is not signed by an authority that is trusted here',
    'Give that authority: --ssl-root-cert FILE, or `rds` for Amazon RDS and Aurora.',
  ],
  [
    /password must be a string/,
    'the server asks for a password',
    'Put it into the URL, PGPASSWORD or ~/.pgpass.',
  ],
];

export function explainConnection(error: ConnectionLost, { label }: Target): TrueupError {
  const info: ErrorInfo = connectionError(error);
  const [, message, remedy] = HINTS.find(([words]) => words.test(error.message)) ?? [
    undefined,
    info.message,
    info.remedy,
  ];
  return new TrueupError(
    { ...info, message: `cannot connect to ${label}: ${message}`, remedy },
    { cause: error },
  );
}
