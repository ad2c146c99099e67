"""Stellar labels: from a training set to labels with errors that can be trusted."""

from manyfit import cannon

cannon.simulate_stars(600, seed=1).write("known.npz")  # or stars of your own
cannon.simulate_stars(400, seed=2).write("others.npz")

stars = cannon.TrainingSet.read("known.npz")
model = cannon.train(stars, labels=["TEFF", "LOGG", "FE_H"], order=2, hidden=1)

validation = model.validate(stars, n_folds=5)
print(validation.summary())  # scatter, and pull widths before and after calibration
model = model.calibrated(validation)
model.save("model.npz")

model = cannon.CannonModel.load("model.npz")
others = cannon.TrainingSet.read("others.npz")
table = model.infer(others.flux, others.ivar, wavelength=others.wavelength)
teff, error = table["TEFF"], table.error("TEFF")  # calibrated errors
trusted = table.good & (table.flags == 0)

summary = cannon.infer_file(model, "others.npz", "labels.fits")  # more stars than fit into memory
print(summary)

cannon.one_to_one(validation).savefig("one_to_one.png")
cannon.write_report(model, "report.html", validation=validation, training_set=stars, labels=table)
