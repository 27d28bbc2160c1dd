/**
 * An endpoint that pages are posted to. The local AWS's runtime speaks plain HTTP with this machine, whatever the URL says;
 * test/notify has a receiver with TLS.
 */
import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PageDocument } from '../../../lambda/page/document/document';

export class Receiver {
  /** What was taken. */
  readonly pages: PageDocument[] = [];
  /** The status of the next answers. */
  answer = 200;
  refused = 0;

  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  /** @param key what pages must be signed with */
  static async start(key: string): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.address() as AddressInfo;
    const receiver = new Receiver(server, `https://127.0.0.1:${port}/pages`);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const signed = `v1:${request.headers['trueup-timestamp']}:${body}`;
      const mac = `v1=${createHmac('sha256', key).update(signed).digest('hex')}`;
      const status = request.headers['trueup-signature'] === mac ? receiver.answer : 401;
      if (status === 200) receiver.pages.push(JSON.parse(body) as PageDocument);
      else receiver.refused++;
      response.writeHead(status).end();
    });
    return receiver;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
