from fakes import *

from reconcile.tick import tick


async def test_smoke(stage):
    oz = book("Ozma of Oz")
    stage.want(oz)
    stage.offer(oz)
    r = await tick(stage.outside())
    print(r.run, r.plan.decisions)
    print(stage.client.adds, await stage.claims())
    stage.clock.advance(minutes=1)
    stage.client.finish(stage.client.adds[0])
    r = await tick(stage.outside())
    print(r.run, r.plan.decisions)
    print(stage.shelf.folders, stage.library.items)
