import type { RequestListener } from 'node:http';

/**
 * Answers requests of programs on this machine, and refuses those that a web page makes a browser send here.
 *
 * A browser sends requests to 127.0.0.1 for any page, and by a name that is pointed there in the middle of a visit (DNS
 * rebinding) the page could even read the answers. Such a request names the page's host and not ours. One without a
 * change of name says that it is a page's, by `Origin` or `Sec-Fetch-Site`; no SDK and no command line sends either.
 */
export function ownRequests(listener: RequestListener): RequestListener {
  return (request, response) => {
    const { origin, 'sec-fetch-site': site } = request.headers;
    const host = request.headersDistinct.host?.join() ?? '';
    const port = request.socket.localPort;
    // A bucket before `localhost` is S3's virtual-hosted style. Browsers ask no name server for such a name.
    const isOurs = /^(?:127\.0\.0\.1|\[::1\]|(?:[a-z0-9.-]+\.)?localhost):(\d+)$/i.exec(host)?.[1] === String(port);
    // `none`: the person has typed the address.
    if (isOurs && origin === undefined && (site === undefined || site === 'none')) return listener(request, response);
    const why = isOurs ? 'this request comes from a web page' : 'this host is not ours';
    // Without reading on: there may be gigabytes, and nobody to take them.
    response.writeHead(403, { 'Content-Type': 'text/plain', Connection: 'close' });
    response.end(`${why}: only programs on this machine are answered, at http://127.0.0.1:${port}\n`);
  };
}
