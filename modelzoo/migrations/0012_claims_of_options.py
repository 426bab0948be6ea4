import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('modelzoo', '0011_silent_evaluations'),
    ]

    operations = [
        migrations.AddField(
            model_name='setquestion',
            name='option_categories',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, help_text='Of what each option claims; empty where it is unknown.', size=None),
        ),
        migrations.AddConstraint(
            model_name='setquestion',
            constraint=models.CheckConstraint(condition=models.Q(('option_categories__len', 0), models.Q(('option_categories__len', 4), ('options__len', 4)), _connector='OR'), name='categories_of_all_options_or_of_none'),
        ),
    ]
