/** What a client sends before its first frame (RFC 9113 3.4). */

export const clientPreface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
