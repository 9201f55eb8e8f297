import t from 'tap';
import { LinkTrust } from '../../../src/runtime/forwarder/link-trust.ts';

const LIVE = { lane: 'bulk', stream: 'live' } as const;
const BACKLOG = { lane: 'bulk', stream: 'backlog' } as const;

/** A connection on which live data gets through, and a backlog batch when it is halved often enough. @returns backlog batches that did */
function connection(trust: LinkTrust, isSmallEnough: (halvings: number) => boolean): number {
  trust.up();
  trust.sent(LIVE);
  trust.confirmed(LIVE);
  for (let count = 0; count < 1000; count++) {
    trust.sent(BACKLOG);
    if (!isSmallEnough(trust.halvings(BACKLOG))) {
      trust.down();
      return count;
    }
    trust.confirmed(BACKLOG);
  }
  return 1000;
}

t.test('a flow that gets nothing through while another does is halved, the other not', async (t) => {
  const trust = new LinkTrust();
  for (let i = 0; i < 8; i++) connection(trust, () => false);
  t.ok(trust.halvings(BACKLOG) > 2);
  t.equal(trust.halvings(LIVE), 0);
  t.equal(trust.isDoubtful, true);
});

t.test('where larger batches fail again and again, they are tried ever more seldom', async (t) => {
  const trust = new LinkTrust();
  let connections = 0;
  let confirmed = 0;
  for (; confirmed < 5000; connections++) confirmed += connection(trust, (halvings) => halvings >= 4);
  t.ok(connections < 100, `${connections} connections for ${confirmed} batches`);
});

t.test('a link that is good again is trusted again', async (t) => {
  const trust = new LinkTrust();
  for (let i = 0; i < 50; i++) connection(trust, () => false);
  connection(trust, () => true);
  t.equal(trust.isWhole, true);
  t.equal(trust.halvings(BACKLOG), 0);
});

t.test('a link on which nothing is confirmed is doubted after two connections', async (t) => {
  const trust = new LinkTrust();
  for (const expected of [false, true, true]) {
    trust.up();
    trust.sent(LIVE);
    t.equal(trust.down(), expected);
  }
  t.equal(trust.halvings(LIVE), 2);
});
