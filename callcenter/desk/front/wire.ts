/** The connection over which the phone speaks SIP with Asterisk: like JsSIP's own, but it can be replaced in a call. */

import type { Socket } from "jssip/lib/Socket";

export class Wire implements Socket {
  readonly via_transport: string;
  readonly sip_uri: string;
  private socket: WebSocket | null = null;
  onconnect: () => void = () => undefined;
  ondisconnect: (error: boolean, code?: number, reason?: string) => void = () => undefined;
  ondata: <T>(event: T) => void = () => undefined;

  constructor(readonly url: string) {
    const { protocol, host } = new URL(url);
    this.via_transport = protocol === "wss:" ? "WSS" : "WS";
    this.sip_uri = `sip:${host};transport=ws`;
  }

  connect(): void {
    if (!this.isConnected() && !this.isConnecting()) this.open(() => this.onconnect());
  }

  disconnect(): void {
    this.leave();
  }

  send(message: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): boolean {
    if (!this.isConnected()) return false;
    this.socket!.send(message as string);
    return true;
  }

  isConnected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  isConnecting(): boolean {
    return this.socket?.readyState === WebSocket.CONNECTING;
  }

  /**
   * Go on over a new connection, without telling JsSIP: it would end what it has asked for over the old one. A network
   * that has changed leaves the old one open for minutes, and nothing comes through it.
   */
  replace(done: () => void): void {
    this.leave();
    this.open(done);
  }

  private leave(): void {
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  private open(done: () => void): void {
    const made = new WebSocket(this.url, "sip");
    made.binaryType = "arraybuffer";
    this.socket = made;
    made.onopen = () => made === this.socket && done();
    made.onmessage = ({ data }) => made === this.socket && this.ondata(data);
    made.onclose = ({ wasClean, code, reason }) => made === this.socket && this.ondisconnect(!wasClean, code, reason);
  }
}
