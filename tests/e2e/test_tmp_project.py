import shutil
from tests.e2e.test_compose_project import *  # noqa
from tests.e2e.test_compose_project import PROJECT, put_on_nas, site


@pytest.fixture(scope="module")
def fresh26():
    with standing(Box("26", "tmpproj"), "--engine", "26") as box:
        yield box


def test_it(fresh26, tmp_path_factory):
    stack = Stack(fresh26, tmp_path_factory.mktemp("stack"))
    shutil.copytree(PROJECT, stack.folder / "home")
    put_on_nas(fresh26)
    f = stack.folder / "home/docker-compose.yml"
    f.write_text(f.read_text().replace('    labels: {keep: "yes"}\n', ""))
    stack.write(site(stack))
    print(stack.told())
    print(stack.up().stdout)
    print(stack.told())
    print(
        fresh26.nas(
            "docker ps -a; docker network ls; docker volume ls; docker inspect pihole -f '{{json .NetworkSettings.Networks}}'"
        )
    )
    print(
        fresh26.nas(
            "docker inspect pihole db page sidecar -f '{{.Name}} {{.HostConfig.NetworkMode}} {{.Config.Env}} {{.Config.Labels}}'"
        )
    )
    stack.expect_no_changes()
    import json

    print(json.dumps(stack.outputs(), indent=1)[:3000])
    stack.destroy()
    print(fresh26.nas("docker ps -a; docker network ls; docker volume ls"))
