import ELK, { type ElkExtendedEdge, type ElkNode } from 'elkjs/lib/elk.bundled.js';
import { type Architecture, type Edge, ROLES, type Role } from './architecture';

/** Where a box is, in px of the diagram: its top left corner and its size. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One arrow's way, as points, and the middle of its label. */
export interface Route {
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly label: { readonly x: number; readonly y: number };
}

/** One layout for all ways: what plays the same part has the same place. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: Readonly<Partial<Record<Role, Box>>>;
  /** By {@link edgeId}. */
  readonly routes: Readonly<Record<string, Route>>;
}

export const edgeId = ({ from, to }: Pick<Edge, 'from' | 'to'>) => `${from}->${to}`;

/** From top to bottom: what arrives, what waits, what decides, what starts, what works, what comes out. */
const LAYERS: Readonly<Record<Role, number>> = {
  source: 0,
  queue: 1,
  scaler: 2,
  ageAlarm: 2,
  failures: 2,
  failureAlarm: 3,
  orchestrator: 3,
  hostScaler: 3,
  worker: 4,
  host: 4,
  shipper: 5,
  output: 5,
  logs: 6,
};

const BOX = { width: 212, height: 70 };
/** px of a label in the diagram's smallest type. */
export const CHARACTER = 7.8;
export const LINE = 16;

/** Lays all ways out as one graph, with everything that any of them has. */
export async function layout(architectures: readonly Architecture[]): Promise<Layout> {
  const roles = (Object.keys(ROLES) as Role[]).filter((role) =>
    architectures.some(({ nodes }) => nodes.some((node) => node.role === role)),
  );
  const edges = new Map<string, { edge: Edge; characters: number }>();
  for (const edge of architectures.flatMap((each) => each.edges)) {
    const known = edges.get(edgeId(edge))?.characters ?? 0;
    edges.set(edgeId(edge), { edge, characters: Math.max(known, edge.verb.length) });
  }
  const asked: ElkNode = {
    id: 'all',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'DOWN',
      'elk.partitioning.activate': 'true',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
      'elk.layered.spacing.nodeNodeBetweenLayers': '20',
      'elk.layered.spacing.edgeNodeBetweenLayers': '12',
      'elk.spacing.nodeNode': '16',
      'elk.spacing.edgeEdge': '12',
      'elk.spacing.edgeNode': '14',
      'elk.spacing.edgeLabel': '3',
      'elk.padding': '[top=6,left=6,bottom=6,right=6]',
      // The same input gives the same picture.
      'elk.randomSeed': '1',
    },
    children: roles.map((role) => ({
      id: role,
      ...BOX,
      layoutOptions: { 'elk.partitioning.partition': String(LAYERS[role]) },
    })),
    edges: [...edges].map(([id, { edge, characters }]) => ({
      id,
      sources: [edge.from],
      targets: [edge.to],
      labels: [{ id: `${id}:verb`, text: edge.verb, width: characters * CHARACTER, height: LINE }],
    })),
  };
  const graph: ElkNode = await new ELK().layout(asked);
  const laid: readonly ElkExtendedEdge[] = graph.edges ?? [];
  return {
    width: Math.ceil(graph.width ?? 0),
    height: Math.ceil(graph.height ?? 0),
    boxes: Object.fromEntries((graph.children ?? []).map((child) => [child.id, box(child)])),
    routes: Object.fromEntries(
      laid.map(({ id, sections, labels }) => {
        const [section] = sections ?? [];
        const [label] = labels ?? [];
        if (!section || !label) throw new Error(`no way for the arrow ${id}: expected one from the layout`);
        return [
          id,
          {
            points: [section.startPoint, ...(section.bendPoints ?? []), section.endPoint].map(({ x, y }) => ({ x, y })),
            label: {
              x: (label.x ?? 0) + (label.width ?? 0) / 2,
              y: (label.y ?? 0) + (label.height ?? 0) / 2,
            },
          },
        ];
      }),
    ),
  };
}

const box = ({ x = 0, y = 0, width = 0, height = 0 }: ElkNode): Box => ({ x, y, width, height });
