/** An error of `pg`, as one of ours. */
import { ConnectionLost, SqlError } from './database';

/** Codes after which the session is gone although the server could still say why. */
const SESSION_ENDED = /^(08|57P0[1-5]|25P0[34])/;

export const lost = (error: unknown): ConnectionLost => {
  const { message = String(error), code } = error as { message?: string; code?: string };
  return new ConnectionLost(message, code, { cause: error });
};

export function translate(error: unknown): Error {
  const { message, code, position, routine, severity } = error as {
    message: string;
    code?: string;
    position?: string;
    routine?: string;
    severity?: string;
  };
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return lost(error);
  // Class 08 of a statement is about a connection of the server's own: a publisher, another server.
  if (SESSION_ENDED.test(code) && !(code.startsWith('08') && severity === 'ERROR')) return lost(error);
  return new SqlError(message, code, position === undefined ? undefined : Number(position) - 1, routine);
}
