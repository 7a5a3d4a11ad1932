
import django.db.models.deletion
import product_imagery.models.preset
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('contenttypes', '0002_remove_content_type_name'),
        ('product_imagery', '0024_approval_rules'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditedPicture',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('object_id', models.CharField(max_length=64, verbose_name='product id')),
                ('slot', models.CharField(blank=True, max_length=64, verbose_name='picture')),
                ('label', models.CharField(max_length=200, verbose_name='product')),
                ('file', models.CharField(max_length=500, verbose_name='file')),
                ('is_published', models.BooleanField(default=False, editable=False)),
                ('pack', models.CharField(choices=product_imagery.models.preset.pack_choices, max_length=40, verbose_name='marketplace')),
                ('level', models.CharField(choices=[('fail', 'refused'), ('warn', 'not advised')], max_length=10, verbose_name='result')),
                ('findings', models.JSONField(default=list, verbose_name='reasons')),
                ('checked_at', models.DateTimeField(verbose_name='checked')),
                ('content_type', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='contenttypes.contenttype', verbose_name='model')),
            ],
            options={
                'verbose_name': 'picture outside marketplace rules',
                'verbose_name_plural': 'pictures outside marketplace rules',
                'ordering': ('level', 'label', 'pk'),
                'indexes': [models.Index(fields=['level', 'label', 'id'], name='imagery_audited')],
                'constraints': [models.UniqueConstraint(fields=('content_type', 'object_id', 'slot', 'pack'), name='imagery_audited_once_by_a_pack')],
            },
        ),
    ]
