import { migration } from './manifest';
import { BROKEN, Model } from './model';
import { type MakeMigration, play, type Story, versionsOf } from './orders';
import { World } from './world';

const make: MakeMigration = (name, { undo, broken, flavour }) =>
  migration(name, {
    up: [`${broken ? BROKEN : 'SELECT'} ${flavour}`],
    down: undo === 'none' ? [] : [`SELECT 'not ${name}'`],
    undo,
  });

/** @throws when something does not hold */
export async function playOnModel(story: Story): Promise<Model> {
  const model = new Model();
  const world = new World('shop', model.migrate);
  await play(world, story, versionsOf(story, make), async () => ({
    deeds: [...model.deeds],
    applied: model.applied,
  }));
  return model;
}
