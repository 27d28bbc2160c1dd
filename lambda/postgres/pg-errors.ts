/** Translates errors of `pg` into our own. */
import { ConnectionLostError, SqlError } from './database';

/** SQLSTATEs after which the session has ended although the server could still report them. */
const SESSION_ENDED = /^(08|57P0[1-5]|25P0[34])/;

export const makeConnectionLostError = (error: unknown): ConnectionLostError => {
  const { message = String(error), code } = error as { message?: string; code?: string };
  return new ConnectionLostError(message, code, { cause: error });
};

export function translatePgError(error: unknown): Error {
  const { message, code, position, routine, severity } = error as {
    message: string;
    code?: string;
    position?: string;
    routine?: string;
    severity?: string;
  };
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return makeConnectionLostError(error);
  // Class 08 with severity ERROR is about a connection that the server opened itself, to a publisher or another
  // server.
  if (SESSION_ENDED.test(code) && !(code.startsWith('08') && severity === 'ERROR'))
    return makeConnectionLostError(error);
  return new SqlError(message, code, position === undefined ? undefined : Number(position) - 1, routine);
}
