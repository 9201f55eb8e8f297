import { Pty } from './pty.ts';

/** Two serial ports with a wire between them. */
export class NullModem {
  readonly near: Pty;
  readonly far: Pty;

  private constructor(near: Pty, far: Pty) {
    this.near = near;
    this.far = far;
    near.onData = (chunk) => far.write(chunk);
    far.onData = (chunk) => near.write(chunk);
  }

  static async open(): Promise<NullModem> {
    return new NullModem(await Pty.open(), await Pty.open());
  }

  async close(): Promise<void> {
    await Promise.all([this.near.close(), this.far.close()]);
  }
}
