import pytest

from webhooks_project.demo.known_tables import fit, remember


@pytest.fixture
def checkout(tmp_path):
    migrations = tmp_path / "checkout" / "audit" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "0001_initial.py").write_text("first")
    return tmp_path / "checkout"


def test_new_migrations_fit_the_data_of_before(tmp_path, checkout):
    remember(tmp_path, checkout=checkout)

    (checkout / "audit" / "migrations" / "0002_more.py").write_text("second")

    assert fit(tmp_path, checkout=checkout)


@pytest.mark.parametrize("change", [lambda path: path.write_text("other"), lambda path: path.unlink()])
def test_a_migration_that_changed_or_is_gone_does_not(tmp_path, checkout, change):
    remember(tmp_path, checkout=checkout)

    change(checkout / "audit" / "migrations" / "0001_initial.py")

    assert not fit(tmp_path, checkout=checkout)


def test_data_of_unknown_origin_do_not(tmp_path, checkout):
    assert not fit(tmp_path, checkout=checkout)
